# Completion of clipsweep for bash. The program itself prints what can follow (app/completion.h).

_clipsweep() {
  # bash cuts words at = and :, which are part of --flag=value and mode:threshold. `before` is the
  # part of the last word that bash has cut off and that is not replaced.
  local words=() piece last='' before=''
  for piece in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
    if ((${#words[@]} > 0)) && [[ $piece == [=:] || $last == [=:] ]]; then
      before=${words[-1]}
      words[-1]+=$piece
    else
      before=''
      words+=("$piece")
    fi
    last=$piece
  done
  [[ $last != [=:] ]] || before=${words[-1]}

  # As the program would get them: without quotes, and with the home folder.
  words=("${words[@]//[\\\"\']/}")
  words=("${words[@]/#\~\//$HOME/}")

  local line
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :list) compopt -o nospace 2> /dev/null ;;
      :files) compopt -o default 2> /dev/null ;;
      :folders) compopt -o dirnames 2> /dev/null ;;
      *) COMPREPLY+=("${line#"$before"}") ;;
    esac
  done < <("${COMP_WORDS[0]/#\~\//$HOME/}" complete "${words[@]}" 2> /dev/null)
}

complete -F _clipsweep clipsweep
