# Removes what the last `cmake --install` of a build put in place, and the directories that are empty then, except those
# that every prefix has.
#
#   cmake -D BUILD=build -P scripts/lib/cmake/uninstall.cmake
file(GLOB manifests ${BUILD}/install_manifest*.txt)
if(NOT manifests)
  message(FATAL_ERROR "nothing was installed from ${BUILD}")
endif()

# Removes `directory` and those above it as long as they are empty.
function(remove_empty directory)
  while(IS_DIRECTORY ${directory} AND NOT directory MATCHES "/(bin|include|lib[0-9]*|share)$")
    file(GLOB left ${directory}/* ${directory}/.*)
    list(FILTER left EXCLUDE REGEX "/\\.\\.?$")
    if(left)
      break()
    endif()
    file(REMOVE_RECURSE ${directory})
    cmake_path(GET directory PARENT_PATH directory)
  endwhile()
endfunction()

foreach(manifest ${manifests})
  file(STRINGS ${manifest} files)
  foreach(file ${files})
    set(file $ENV{DESTDIR}${file})
    message(STATUS "Removing ${file}")
    file(REMOVE ${file})
    cmake_path(GET file PARENT_PATH directory)
    remove_empty(${directory})
  endforeach()
  file(REMOVE ${manifest})
endforeach()
