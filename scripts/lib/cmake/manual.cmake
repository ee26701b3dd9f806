# The pages of the manual and the completion of shells, made of the tables of the program: man/ and completion/ in the
# build. The pages need scdoc; without it only their text is made.
add_executable(pages scripts/lib/pages.c ${TP_PROGRAM_SOURCES})
target_include_directories(pages PRIVATE src)
target_link_libraries(pages PRIVATE library_static)

find_program(SCDOC scdoc)
if(NOT SCDOC)
  message(STATUS "scdoc is missing: no pages of the manual")
endif()
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/man ${PROJECT_BINARY_DIR}/completion)
set(TP_MADE "")

file(GLOB TP_PAGES CONFIGURE_DEPENDS docs/man/*.scd)
foreach(template ${TP_PAGES})
  cmake_path(GET template STEM LAST_ONLY page)
  string(REGEX MATCH "[0-9]$" section ${page})
  set(text ${PROJECT_BINARY_DIR}/man/${page}.scd)
  add_custom_command(OUTPUT ${text} DEPENDS pages ${template} COMMAND pages < ${template} > ${text})
  list(APPEND TP_MADE ${text})
  if(SCDOC)
    set(made ${PROJECT_BINARY_DIR}/man/${page})
    add_custom_command(OUTPUT ${made} DEPENDS ${text} COMMAND ${SCDOC} < ${text} > ${made})
    list(APPEND TP_MADE ${made})
    install(FILES ${made} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endif()
endforeach()

# tp_completion(SHELL FOLDER FILE): FOLDER is where the shell looks for it.
function(tp_completion shell folder file)
  set(made ${PROJECT_BINARY_DIR}/completion/${file})
  add_custom_command(OUTPUT ${made} DEPENDS program COMMAND program completion ${shell} > ${made})
  set(TP_MADE ${TP_MADE} ${made} PARENT_SCOPE)
  install(FILES ${made} DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/${folder})
endfunction()

tp_completion(bash bash-completion/completions taskpool)
tp_completion(zsh zsh/site-functions _taskpool)
tp_completion(fish fish/vendor_completions.d taskpool.fish)

add_custom_target(manual ALL DEPENDS ${TP_MADE})
