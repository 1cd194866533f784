# Compilers, chosen before project(): CUDA must be one of its languages (enabling it later did not work), and
# compiler launchers are read when a language is enabled.
set(VTVC_DEPS ${CMAKE_SOURCE_DIR}/.deps/pytorch)  # where ./setup.sh --cuda puts PyTorch and, without a toolkit, nvcc

set(VTVC_CUDA_LANGUAGE "")
if(VTVC_CUDA)
  set(VTVC_CUDA_LANGUAGE CUDA)
  if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    find_program(VTVC_NVCC nvcc PATHS /usr/local/cuda/bin ${VTVC_DEPS}/nvidia/cu13/bin)
    if(NOT VTVC_NVCC)
      message(FATAL_ERROR "VTVC_CUDA is on and there is no nvcc (looked on PATH, in /usr/local/cuda and .deps); run ./setup.sh --cuda")
    endif()
    set(CMAKE_CUDA_COMPILER ${VTVC_NVCC})
  endif()
  set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)  # one CUDA runtime in a process: the one torch_cuda loads too
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES "80-virtual;90a-real")  # anything from Ampere on through PTX, Hopper natively
  endif()
endif()

# ccache, told what it must overlook to work with the precompiled torch header, and to rewrite paths below the
# checkout so that another clone hits too. CCACHE_DEPEND: the compiler's own list of headers spares preprocessing twice.
find_program(VTVC_CCACHE ccache)
if(VTVC_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${VTVC_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()
