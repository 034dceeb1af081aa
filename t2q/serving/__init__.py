"""A run over HTTP: the web page, its JSON, and OpenAI's chat completions. `app.create_app` puts it together."""
