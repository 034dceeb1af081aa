# Included by llama.cpp's own project (CMAKE_PROJECT_INCLUDE). llama-cpp-python forces this library on and never uses it.
set(LLAMA_BUILD_COMMON OFF)
# A unity build of ggml-cpu does not compile on processors with AMX: its kernels define the same names twice.
cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL set_property TARGET ggml-cpu PROPERTY UNITY_BUILD OFF)
