# PyTorch's own build as imported targets. Its TorchConfig.cmake is not used: with Debian's libtorch-dev also
# installed it finds that library for some of the names, and links both.
set(torch_root ${VTVC_DEPS}/torch)
if(NOT EXISTS ${torch_root}/lib/libtorch_cuda.so)
  message(FATAL_ERROR "VTVC_TORCH is pytorch and ${torch_root} holds none; run ./setup.sh --cuda")
endif()
# Only torch's own headers: beside them lie a fmt and others that would shadow the ones we link.
set(torch_include ${CMAKE_BINARY_DIR}/torch-include)
file(MAKE_DIRECTORY ${torch_include})
foreach(folder ATen c10 caffe2 torch)
  file(CREATE_LINK ${torch_root}/include/${folder} ${torch_include}/${folder} SYMBOLIC)
endforeach()

foreach(name c10 torch_cpu torch c10_cuda torch_cuda)
  add_library(${name} SHARED IMPORTED)
  set_target_properties(${name} PROPERTIES IMPORTED_LOCATION ${torch_root}/lib/lib${name}.so)
endforeach()
target_include_directories(c10 SYSTEM INTERFACE ${torch_include} ${torch_include}/torch/csrc/api/include)
target_compile_definitions(c10 INTERFACE _GLIBCXX_USE_CXX11_ABI=1)
target_link_libraries(torch_cpu INTERFACE c10)
target_link_libraries(torch INTERFACE torch_cpu)

add_library(vtvc_torch INTERFACE)
# The C++ library first: libtorch.so carries parts of std::filesystem of its own, and whoever meets its remove_all
# before libstdc++'s calls a function that GCC 12's library does not have, and dies.
target_link_libraries(vtvc_torch INTERFACE -lstdc++ torch)
if(VTVC_CUDA)
  # torch_cuda registers its kernels when it is loaded: keep it although no symbol of it is named.
  target_link_libraries(vtvc_torch INTERFACE -Wl,--push-state,--no-as-needed torch_cuda c10_cuda -Wl,--pop-state)
endif()
