#include "clipsweep/io/temporary_folder.h"

#include <gtest/gtest.h>

#include "clipsweep/base/error.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

TEST(TemporaryFolder, IsRemovedWithItsContent) {
  fs::path path;
  {
    const TemporaryFolder folder;
    path = folder.path();
    make_folder(path / "a" / "b");
    write_text(path / "a" / "file", "text");
    EXPECT_TRUE(is_there(path));
  }
  EXPECT_FALSE(is_there(path));
}

TEST(TemporaryFolder, TwoNeverShareAPath) {
  const TemporaryFolder a, b;
  EXPECT_NE(a.path(), b.path());
}

TEST(TemporaryFolder, NamesTheParentThatDoesNotExist) {
  const auto message = message_of<StorageError>([] { TemporaryFolder("/no/such/folder"); });
  EXPECT_EQ(message.find("/no/such/folder: cannot make a temporary folder: "), 0U) << message;
  EXPECT_TRUE(holds(message, "set TMPDIR"));
}

}  // namespace
}  // namespace clipsweep
