# Turns text files into a source file, so that the program needs no files at run time. CMake runs
# again when one of them changes.

# embed_files(OUTPUT TYPE FUNCTION HEADER FOLDER SUFFIX NAME...)
#
# Sets OUTPUT to the path of a generated source that defines, as HEADER declares it,
# `const std::vector<TYPE>& FUNCTION()`: name and content of each FOLDER/NAMESUFFIX.
function(embed_files output type function header folder suffix)
  set(content "// Generated from lib/${folder} by embed_files.cmake.\n")
  string(APPEND content "#include \"clipsweep/${header}\"\n\nnamespace clipsweep {\n\n"
                        "const std::vector<${type}>& ${function}() {\n"
                        "  static const std::vector<${type}> kFiles = {\n")
  foreach(name IN LISTS ARGN)
    set(file "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/${folder}/${name}${suffix}")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
    file(READ "${file}" text)
    string(APPEND content "      {\"${name}\", R\"embedded(${text})embedded\"},\n")
  endforeach()
  string(APPEND content "  };\n  return kFiles;\n}\n\n}  // namespace clipsweep\n")
  set(source "${CMAKE_CURRENT_BINARY_DIR}/embedded_${folder}.cpp")
  file(GENERATE OUTPUT "${source}" CONTENT "${content}")
  set(${output} "${source}" PARENT_SCOPE)
endfunction()
