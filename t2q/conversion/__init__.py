"""From a trained adapter to files that other programs run: merge, Hugging Face, GGUF, quantise, Modelfile."""
