# A room of the house: a static library whose public headers lie in <room>/include.
# vtvc_module(name SOURCES ... DEPENDS rooms ... LIBRARIES third-party targets ...)
# A room sees only the headers of the rooms in DEPENDS; naming one that comes later is an error here,
# and including one that is not named does not compile.
add_library(vtvc_flags INTERFACE)
target_compile_options(vtvc_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror)
if(VTVC_SANITIZE)
  target_compile_options(vtvc_flags INTERFACE -fsanitize=${VTVC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(vtvc_flags INTERFACE -fsanitize=${VTVC_SANITIZE})
endif()

set(VTVC_ROOM_ORDER core storage sharding worker experiments slurm launcher)

function(vtvc_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPENDS;LIBRARIES")
  list(FIND VTVC_ROOM_ORDER ${name} own)
  foreach(room IN LISTS arg_DEPENDS)
    list(FIND VTVC_ROOM_ORDER ${room} other)
    if(other EQUAL -1 OR NOT other LESS own)
      message(FATAL_ERROR "room '${name}' may not depend on '${room}': dependencies point from later rooms to earlier ones (${VTVC_ROOM_ORDER})")
    endif()
  endforeach()
  add_library(vtvc_${name} STATIC ${arg_SOURCES})
  target_include_directories(vtvc_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/include PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/src)
  list(TRANSFORM arg_DEPENDS PREPEND vtvc_)
  target_link_libraries(vtvc_${name} PUBLIC ${arg_DEPENDS} PRIVATE vtvc_flags ${arg_LIBRARIES})
endfunction()

# vtvc_test(name SOURCES ... ROOMS ... [LIBRARIES ...] [LABELS ...] [RANKS n ...]): a GoogleTest program;
# with RANKS it runs once under mpirun for each count.
function(vtvc_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;ROOMS;LIBRARIES;LABELS;RANKS")
  list(TRANSFORM arg_ROOMS PREPEND vtvc_)
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_ROOMS} ${arg_LIBRARIES} vtvc_flags)
  if(NOT arg_LABELS)
    set(arg_LABELS quick)
  endif()
  if(arg_RANKS)
    target_link_libraries(${name} PRIVATE GTest::gtest)
    foreach(ranks IN LISTS arg_RANKS)
      add_test(NAME ${name}.ranks${ranks}
               COMMAND mpirun --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 --mca pml ob1 -n ${ranks} $<TARGET_FILE:${name}>)
      set_tests_properties(${name}.ranks${ranks} PROPERTIES LABELS "ranks" TIMEOUT 120 PROCESSORS 2
        ENVIRONMENT "OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMP_NUM_THREADS=1")
    endforeach()
  else()
    target_link_libraries(${name} PRIVATE GTest::gtest GTest::gtest_main)
    include(GoogleTest)
    gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS "${arg_LABELS}" TIMEOUT 300)
  endif()
endfunction()
