# Run by cpack on the files of each package before it is made: what Debian wants in another form
# than other systems.

if(NOT CPACK_GENERATOR STREQUAL DEB)
  return()
endif()
set(share ${CPACK_PACKAGING_INSTALL_PREFIX}/share)

file(GLOB pages ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*${share}/man/man1/*.1)
foreach(page IN LISTS pages)
  execute_process(COMMAND gzip -9n ${page} COMMAND_ERROR_IS_FATAL ANY)
endforeach()

# Debian's zsh does not look into site-functions.
set(zsh ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/clipsweep${share}/zsh)
file(RENAME ${zsh}/site-functions ${zsh}/vendor-completions)

string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
foreach(package IN LISTS CPACK_COMPONENTS_ALL)
  set(documents ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/${package}${share}/doc/${package})
  file(MAKE_DIRECTORY ${documents})
  file(REMOVE ${documents}/LICENSE)
  file(COPY_FILE ${CPACK_RESOURCE_FILE_LICENSE} ${documents}/copyright)
  file(WRITE ${documents}/changelog
"clipsweep (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium

  * Changes are listed in CHANGELOG.md.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
  execute_process(COMMAND gzip -9n ${documents}/changelog COMMAND_ERROR_IS_FATAL ANY)
endforeach()
