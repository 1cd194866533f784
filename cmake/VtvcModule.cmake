# A room of the house: a static library whose public headers lie in <room>/include.
# vtvc_module(name SOURCES ... DEPENDS rooms ... LIBRARIES third-party ... PUBLIC_LIBRARIES third-party ... [TORCH])
# A room sees only the headers of the rooms in DEPENDS; naming one that comes later is an error here,
# and including one that is not named does not compile.
add_library(vtvc_flags INTERFACE)
set(warnings -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror)
target_compile_options(vtvc_flags INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:${warnings}>"
  "$<$<COMPILE_LANGUAGE:CUDA>:--Werror=all-warnings;-Xcompiler=-Wall,-Wextra,-Wshadow>")
if(VTVC_SANITIZE)
  target_compile_options(vtvc_flags INTERFACE -fsanitize=${VTVC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)  # GCC sees such uses in std::regex and others once it has inserted its checks
  target_link_options(vtvc_flags INTERFACE -fsanitize=${VTVC_SANITIZE})
  target_sources(vtvc_flags INTERFACE
    $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:${CMAKE_CURRENT_LIST_DIR}/sanitizer_defaults.cpp>)
endif()

# The direction of dependency. composition_cuda to jobs are the rooms inside worker/.
set(VTVC_ROOM_ORDER core storage foreign imports images sealed datasets sharding composition_cuda composition_cpu composition models tangent posterior training methods evaluation jobs
    experiments sweep slurm launcher)

function(vtvc_check_order name)
  list(FIND VTVC_ROOM_ORDER ${name} own)
  foreach(room IN LISTS ARGN)
    list(FIND VTVC_ROOM_ORDER ${room} other)
    if(other EQUAL -1 OR NOT other LESS own)
      message(FATAL_ERROR "room '${name}' may not depend on '${room}': dependencies point from later rooms to earlier ones (${VTVC_ROOM_ORDER})")
    endif()
  endforeach()
endfunction()

function(vtvc_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH" "" "SOURCES;DEPENDS;LIBRARIES;PUBLIC_LIBRARIES")
  vtvc_check_order(${name} ${arg_DEPENDS})
  add_library(vtvc_${name} STATIC ${arg_SOURCES})
  target_include_directories(vtvc_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/include PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/src)
  list(TRANSFORM arg_DEPENDS PREPEND vtvc_)
  target_link_libraries(vtvc_${name} PUBLIC ${arg_DEPENDS} ${arg_PUBLIC_LIBRARIES} PRIVATE vtvc_flags ${arg_LIBRARIES})
  if(arg_TORCH)
    vtvc_use_torch(vtvc_${name})
  endif()
endfunction()

# Links LibTorch and shares its one precompiled header (16 s a file without it).
function(vtvc_use_torch target)
  target_link_libraries(${target} PUBLIC vtvc_torch)
  if(NOT TARGET vtvc_torch_header)
    file(WRITE ${CMAKE_BINARY_DIR}/vtvc_torch_header.cpp "// Holds the precompiled torch header.\n")
    add_library(vtvc_torch_header OBJECT ${CMAKE_BINARY_DIR}/vtvc_torch_header.cpp)
    target_link_libraries(vtvc_torch_header PRIVATE vtvc_torch vtvc_flags)
    target_compile_options(vtvc_torch_header PRIVATE -fpch-preprocess)  # what ccache needs to tell such files apart
    target_precompile_headers(vtvc_torch_header PRIVATE <torch/torch.h>)
  endif()
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
  target_precompile_headers(${target} REUSE_FROM vtvc_torch_header)
endfunction()

# vtvc_test(name SOURCES ... ROOMS ... [LIBRARIES ...] [LABELS ...] [RANKS n ...] [TORCH]): a GoogleTest program;
# with RANKS it has its own main and runs once under mpirun for each count. Labels: quick (the default), faults,
# threads (has threads, no torch; for ThreadSanitizer), and ranks where RANKS is given.
function(vtvc_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH" "" "SOURCES;ROOMS;LIBRARIES;LABELS;RANKS")
  list(TRANSFORM arg_ROOMS PREPEND vtvc_)
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_ROOMS} ${arg_LIBRARIES} vtvc_flags)
  target_compile_definitions(${name} PRIVATE VTVC_TEST_SOURCE_DIR="${CMAKE_CURRENT_SOURCE_DIR}" VTVC_BIN_DIR="${CMAKE_BINARY_DIR}/bin")
  if(arg_TORCH)
    vtvc_use_torch(${name})
  endif()
  if(arg_RANKS)
    list(APPEND arg_LABELS ranks)
  elseif(NOT arg_LABELS)
    set(arg_LABELS quick)
  endif()
  list(JOIN arg_LABELS "-" labels)  # one label, matched by part: gtest_discover_tests loses lists
  if("threads" IN_LIST arg_LABELS)  # what ThreadSanitizer builds and runs
    if(NOT TARGET vtvc_threads_tests)
      add_custom_target(vtvc_threads_tests)
    endif()
    add_dependencies(vtvc_threads_tests ${name})
  endif()
  if(arg_RANKS)
    target_link_libraries(${name} PRIVATE GTest::gtest)
    foreach(ranks IN LISTS arg_RANKS)
      add_test(NAME ${name}.ranks${ranks}
               COMMAND mpirun --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 --mca pml ob1 -n ${ranks} $<TARGET_FILE:${name}>)
      set_tests_properties(${name}.ranks${ranks} PROPERTIES LABELS "${labels}" TIMEOUT 120 PROCESSORS 2
        ENVIRONMENT "OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMP_NUM_THREADS=1")
    endforeach()
  else()
    target_link_libraries(${name} PRIVATE GTest::gtest GTest::gtest_main)
    include(GoogleTest)
    gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS "${labels}" TIMEOUT 300)
  endif()
endfunction()
