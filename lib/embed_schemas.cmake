# Turns the JSON Schema files into one source file, so that the program needs no files beside it.
# Changing a schema makes CMake run again.

set(CLIPSWEEP_SCHEMA_KINDS sweep run steps step summary)

# Sets `output` to the path of the generated source.
function(embed_schemas output)
  set(content "// Generated from lib/schemas by embed_schemas.cmake.\n")
  string(APPEND content "#include \"clipsweep/schemas.h\"\n\nnamespace clipsweep {\n\n"
                        "const std::vector<Schema>& schemas() {\n"
                        "  static const std::vector<Schema> kSchemas = {\n")
  foreach(kind IN LISTS CLIPSWEEP_SCHEMA_KINDS)
    set(file "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/schemas/${kind}.schema.json")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
    file(READ "${file}" schema)
    string(APPEND content "      {\"${kind}\", R\"schema(${schema})schema\"},\n")
  endforeach()
  string(APPEND content "  };\n  return kSchemas;\n}\n\n}  // namespace clipsweep\n")
  set(source "${CMAKE_CURRENT_BINARY_DIR}/embedded_schemas.cpp")
  file(GENERATE OUTPUT "${source}" CONTENT "${content}")
  set(${output} "${source}" PARENT_SCOPE)
endfunction()
