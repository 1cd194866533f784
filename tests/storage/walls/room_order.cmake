# A room that names a later one (BACKWARD, "room:depends-on") must not configure; FORWARD must.
function(configure pair folder out_code out_text)
  string(REPLACE ":" ";" pair "${pair}")
  list(GET pair 0 room)
  list(GET pair 1 other)
  file(REMOVE_RECURSE ${folder})
  file(WRITE ${folder}/room.cpp "int room() { return 0; }\n")
  file(WRITE ${folder}/CMakeLists.txt
    "cmake_minimum_required(VERSION 3.25)\n"
    "project(rooms LANGUAGES CXX)\n"
    "include(${CMAKE_FOLDER}/VtvcModule.cmake)\n"
    "add_library(vtvc_${other} INTERFACE)\n"
    "vtvc_module(${room} SOURCES room.cpp DEPENDS ${other})\n")
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${folder} -B ${folder}/build -D CMAKE_CXX_COMPILER=${COMPILER}
                  RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
  set(${out_code} "${code}" PARENT_SCOPE)
  string(REGEX REPLACE "[ \n]+" " " text "${text}")  # CMake wraps its messages
  set(${out_text} "${text}" PARENT_SCOPE)
endfunction()

configure("${FORWARD}" ${WORK}/forward code text)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "${FORWARD} should configure:\n${text}")
endif()
configure("${BACKWARD}" ${WORK}/backward code text)
if(code EQUAL 0)
  message(FATAL_ERROR "${BACKWARD} configures: the order of the rooms is not enforced")
endif()
if(NOT text MATCHES "may not depend on")
  message(FATAL_ERROR "${BACKWARD} fails for another reason than the order:\n${text}")
endif()
