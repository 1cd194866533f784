# Fuzz targets: libFuzzer with clang, preset 'fuzz'. In other builds vtvc_fuzz does nothing.
# vtvc_fuzz(name SOURCES ... ROOMS ... COVERS parser sources ... [SEEDS script] [DICTIONARY file] [INCLUDES ...]
# [LIBRARIES ...]): the program fuzz_<name> from files that define LLVMFuzzerTestOneInput (tests/fuzz/fuzz.hpp), and a
# test fuzz.<name> that runs it for some seconds. SEEDS is a Python script, called with a folder and the name: it
# fills the folder with valid inputs, and uses nothing but Python's standard library; 'own' where the target writes them
# itself (tests/fuzz/seeds.hpp). COVERS: the sources, relative to
# the checkout, of which tests/fuzz/coverage.sh demands nine lines in ten. NO_TEST leaves the test out.
function(vtvc_fuzz name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "NO_TEST" "SEEDS;DICTIONARY" "SOURCES;ROOMS;COVERS;INCLUDES;LIBRARIES")
  if(NOT VTVC_FUZZ)
    return()
  endif()
  set(target fuzz_${name})
  list(TRANSFORM arg_ROOMS PREPEND vtvc_)
  add_executable(${target} ${arg_SOURCES})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests/fuzz ${arg_INCLUDES})
  target_link_libraries(${target} PRIVATE ${arg_ROOMS} ${arg_LIBRARIES} vtvc_flags -fsanitize=fuzzer)
  if(NOT TARGET vtvc_fuzzers)
    add_custom_target(vtvc_fuzzers)
  endif()
  add_dependencies(vtvc_fuzzers ${target})
  # What run.sh and coverage.sh read.
  file(WRITE ${CMAKE_BINARY_DIR}/fuzz/${name}.conf
    "seeds='${arg_SEEDS}'\ndictionary='${arg_DICTIONARY}'\ncovers='${arg_COVERS}'\n")
  if(arg_NO_TEST)
    return()
  endif()
  add_test(NAME fuzz.${name} COMMAND ${PROJECT_SOURCE_DIR}/tests/fuzz/run.sh ${CMAKE_BINARY_DIR} ${name})
  set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 300)
endfunction()
