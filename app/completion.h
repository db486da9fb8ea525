// What the shell offers for the word at the cursor. Everything comes from what the commands accept
// and from the tables of names, so that a new flag or mode is offered without further work.
#pragma once

#include <string>
#include <vector>

namespace clipsweep {

enum class OfferedPaths { kNone, kFiles, kFolders };

struct Offer {
  std::vector<std::string> words = {};       // each is a whole word that begins with what was typed
  bool is_list = false;                      // a comma may follow
  OfferedPaths paths = OfferedPaths::kNone;  // which paths the shell should offer
};

// Takes what was typed after the program's name; the last word is the one at the cursor and may be
// empty. May throw what reading a result folder throws, and ConfigError for an unknown command.
Offer offer_for(const std::vector<std::string>& words);

// Prints the offer for the shells: a word a line, then `:list`, `:files` or `:folders`. Prints
// nothing if the words are wrong: the shell is no place for messages.
int run_complete(const std::vector<std::string>& words);

}  // namespace clipsweep
