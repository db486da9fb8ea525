#include "clipsweep/data/zip_archive.h"

#include <fmt/format.h>
#include <zip.h>
#include <zlib.h>

#include <algorithm>
#include <ctime>
#include <new>
#include <set>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"

namespace clipsweep {

struct ZipMember {
  std::string name;
  zip_uint64_t index = 0;
  std::uint64_t size = 0;  // unpacked
};

struct ZipArchive::Members {
  Members(zip_t* archive, std::string archive_where)
      : open(archive), where(std::move(archive_where)) {}
  ~Members() { zip_discard(open); }
  Members(const Members&) = delete;
  Members& operator=(const Members&) = delete;

  zip_t* open;
  std::string where;
  std::vector<ZipMember> all;
  std::vector<std::string> names;
};

namespace {

constexpr zip_int64_t kMaxMembers = 10'000;

[[noreturn]] void throw_bad_archive(const std::string& where, const std::string& what) {
  throw DataError(fmt::format("{}: {}", where, what));
}

// A lack of memory says nothing about the file.
void throw_lack_of_memory(zip_error_t* error) {
  const bool is_in_libzip = zip_error_code_zip(error) == ZIP_ER_MEMORY;
  const bool is_in_zlib =
      zip_error_system_type(error) == ZIP_ET_ZLIB && zip_error_code_system(error) == Z_MEM_ERROR;
  if (is_in_libzip || is_in_zlib) throw std::bad_alloc();
}

[[noreturn]] void throw_not_zip(const std::string& where, zip_error_t* error) {
  throw_lack_of_memory(error);
  const std::string reason = zip_error_strerror(error);
  zip_error_fini(error);
  throw_bad_archive(where, fmt::format("not a readable zip archive, as numpy.savez writes it: {}",
                                       printable(reason)));
}

bool leaves_folder(const std::string& name) {
  const fs::path path(name);
  return path.is_absolute() || name.find('\\') != std::string::npos ||
         std::any_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
}

ZipMember checked_member(zip_t* archive, zip_uint64_t index, const std::string& where) {
  zip_stat_t entry;
  if (zip_stat_index(archive, index, 0, &entry) != 0) {
    throw_lack_of_memory(zip_get_error(archive));
    throw_bad_archive(where, fmt::format("damaged: {}", zip_strerror(archive)));
  }
  constexpr zip_uint64_t kNeeded =
      ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  if ((entry.valid & kNeeded) != kNeeded) throw_bad_archive(where, "damaged: a member has no size");
  const std::string name = entry.name;
  const std::string shown = printable(name);
  if (leaves_folder(name))
    throw_bad_archive(where,
                      fmt::format("its member \"{}\" is outside the archive's folder; not an "
                                  "archive that numpy.savez writes",
                                  shown));
  if (entry.encryption_method != ZIP_EM_NONE)
    throw_bad_archive(where, fmt::format("its member {} is encrypted", shown));
  if (entry.comp_method != ZIP_CM_STORE && entry.comp_method != ZIP_CM_DEFLATE)
    throw_bad_archive(where,
                      fmt::format("its member {} is packed by method {}; stored and deflated "
                                  "members are read",
                                  shown, entry.comp_method));
  // Deflate expands 2 bits to at most 258 bytes: https://zlib.net/zlib_tech.html ("maximum
  // compression factor").
  const std::uint64_t most =
      entry.comp_method == ZIP_CM_STORE ? entry.comp_size : 1032 * (entry.comp_size + 1);
  if (entry.comp_size > (std::uint64_t{1} << 40) || entry.size > most)
    throw_bad_archive(where, fmt::format("damaged: its member {} says that its {} bytes unpack to "
                                         "{}",
                                         shown, entry.comp_size, entry.size));
  return {name, index, entry.size};
}

std::vector<ZipMember> checked_members(zip_t* archive, const std::string& where) {
  const zip_int64_t count = zip_get_num_entries(archive, 0);
  if (count > kMaxMembers)
    throw_bad_archive(where, fmt::format("{} members; at most {} are read",
                                         with_thousands(static_cast<std::uint64_t>(count)),
                                         with_thousands(kMaxMembers)));
  std::vector<ZipMember> members;
  std::set<std::string> names;
  for (zip_int64_t i = 0; i < count; ++i) {
    members.push_back(checked_member(archive, static_cast<zip_uint64_t>(i), where));
    if (!names.insert(members.back().name).second)
      throw_bad_archive(
          where, fmt::format("two members have the name {}", printable(members.back().name)));
  }
  return members;
}

struct CloseMember {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

class MemberSource : public SizedSource {
 public:
  MemberSource(zip_file_t* file, const ZipMember& member, const std::string& where)
      : file_(file), size_(member.size), where_(fmt::format("{}: {}", where, member.name)) {}

  std::uint64_t size() const override { return size_; }
  std::size_t read(char* to, std::size_t max_bytes) override {
    std::size_t done = 0;
    while (done < max_bytes) {
      const zip_int64_t count = zip_fread(file_.get(), to + done, max_bytes - done);
      if (count < 0) {
        throw_lack_of_memory(zip_file_get_error(file_.get()));
        throw_bad_archive(where_, fmt::format("damaged: {}; fetch the file again",
                                              zip_file_strerror(file_.get())));
      }
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    return done;
  }

 private:
  std::unique_ptr<zip_file_t, CloseMember> file_;
  std::uint64_t size_;
  std::string where_;
};

}  // namespace

ZipArchive::ZipArchive(std::unique_ptr<Members> members) : members_(std::move(members)) {
  members_->all = checked_members(members_->open, members_->where);
  for (const auto& member : members_->all) members_->names.push_back(member.name);
}
ZipArchive::~ZipArchive() = default;
ZipArchive::ZipArchive(ZipArchive&& other) noexcept = default;

ZipArchive ZipArchive::from_file(const fs::path& path) {
  const InputFile readable(path);  // refuses what is missing, unreadable, or not a regular file
  int code = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_RDONLY, &code);
  // libzip takes some lacks of memory for a file that is no archive.
  if (!archive) archive = zip_open(path.c_str(), ZIP_RDONLY, &code);
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    throw_not_zip(path.string(), &error);
  }
  return ZipArchive(std::make_unique<Members>(archive, path.string()));
}

ZipArchive ZipArchive::from_memory(std::string_view bytes, const std::string& where) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  if (!source) throw_not_zip(where, &error);
  zip_t* archive = zip_open_from_source(source, ZIP_RDONLY, &error);
  if (!archive) {
    zip_source_free(source);
    throw_not_zip(where, &error);
  }
  zip_error_fini(&error);
  return ZipArchive(std::make_unique<Members>(archive, where));
}

const std::vector<std::string>& ZipArchive::names() const { return members_->names; }

std::unique_ptr<SizedSource> ZipArchive::open(const std::string& name) const {
  const auto& all = members_->all;
  const auto member =
      std::find_if(all.begin(), all.end(), [&](const ZipMember& one) { return one.name == name; });
  require(member != all.end(), "ZipArchive::open: no such member");
  zip_file_t* file = zip_fopen_index(members_->open, member->index, 0);
  if (!file) {
    throw_lack_of_memory(zip_get_error(members_->open));
    throw_bad_archive(members_->where, fmt::format("{}: damaged: {}; fetch the file again", name,
                                                   zip_strerror(members_->open)));
  }
  return std::make_unique<MemberSource>(file, *member, members_->where);
}

std::string zip_bytes(const std::vector<std::pair<std::string, std::string>>& members) {
  struct FreeSource {
    void operator()(zip_source_t* source) const { zip_source_free(source); }
  };
  struct Discard {
    void operator()(zip_t* archive) const { zip_discard(archive); }
  };
  // Writing to memory fails only if there is too little of it.
  const auto require = [](bool is_done) {
    if (!is_done) throw std::bad_alloc();
  };
  const std::unique_ptr<zip_source_t, FreeSource> target(
      zip_source_buffer_create(nullptr, 0, 0, nullptr));
  require(target != nullptr);
  zip_source_keep(target.get());
  std::unique_ptr<zip_t, Discard> archive(
      zip_open_from_source(target.get(), ZIP_TRUNCATE, nullptr));
  if (!archive) zip_source_free(target.get());
  require(archive != nullptr);
  for (const auto& [name, content] : members) {
    zip_source_t* const source =
        zip_source_buffer(archive.get(), content.data(), content.size(), 0);
    require(source != nullptr);
    const zip_int64_t index = zip_file_add(archive.get(), name.c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) zip_source_free(source);
    require(index >= 0);
    const auto member = static_cast<zip_uint64_t>(index);
    require(zip_set_file_compression(archive.get(), member, ZIP_CM_STORE, 0) == 0);
    constexpr std::time_t kMiddleOf1980 = 330'000'000;  // the same for all: no time of writing
    require(zip_file_set_mtime(archive.get(), member, kMiddleOf1980, 0) == 0);
  }
  require(zip_close(archive.get()) == 0);
  archive.release();
  zip_stat_t written;
  require(zip_source_stat(target.get(), &written) == 0 && zip_source_open(target.get()) == 0);
  std::string bytes(static_cast<std::size_t>(written.size), '\0');
  const zip_int64_t count = zip_source_read(target.get(), bytes.data(), bytes.size());
  zip_source_close(target.get());
  require(count == static_cast<zip_int64_t>(bytes.size()));
  return bytes;
}

}  // namespace clipsweep
