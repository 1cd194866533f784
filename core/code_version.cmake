# Writes HEADER with the commit of SOURCE, "+dirty" when its tree is not clean, "unknown" without git.
set(ENV{GIT_OPTIONAL_LOCKS} 0)  # never in the way of a git command beside the build
find_program(GIT git)
set(version "")
if(GIT AND EXISTS ${SOURCE}/.git)
  # --exclude=*: the commit itself, whatever tags there are.
  execute_process(COMMAND ${GIT} -C ${SOURCE} describe --always --exclude=* --abbrev=12 --dirty=+dirty
    OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT version)
  set(version unknown)
endif()
set(text "#define VTVC_CODE_VERSION \"${version}\"\n")
set(old "")
if(EXISTS ${HEADER})
  file(READ ${HEADER} old)
endif()
if(NOT text STREQUAL old)
  file(WRITE ${HEADER} "${text}")
endif()
