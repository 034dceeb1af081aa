# Included by llama.cpp's own project (CMAKE_PROJECT_INCLUDE). llama-cpp-python forces this library on and never uses it.
set(LLAMA_BUILD_COMMON OFF)
# A unity build of ggml-cpu does not compile on processors with AMX: its kernels define the same names twice.
cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL set_property TARGET ggml-cpu PROPERTY UNITY_BUILD OFF)
# Quantised weights, repacked for AMX, end in a segmentation fault (https://github.com/ggml-org/llama.cpp/issues/20824).
include(CheckCXXCompilerFlag)
check_cxx_compiler_flag(-mno-amx-int8 T2Q_CAN_LEAVE_AMX_OUT)
if(T2Q_CAN_LEAVE_AMX_OUT)
  cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL target_compile_options ggml-cpu PRIVATE -mno-amx-int8)
endif()
