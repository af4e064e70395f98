/**
 * The scripts of `tsrunc completion SHELL`. Each asks tsrunc by `completion SHELL -- WORDS...`: the first line of the answer is
 * "words", "files" or "directories", and the others are candidates in the shell's own form. Files are what the shell
 * knows best how to complete and to quote.
 */

/** COMP_WORDBREAKS has "=" and ":", so the words come in pieces; what stands before the last "=" is not to be repeated. */
const bash = `# bash completion of tsrunc: . <(tsrunc completion bash)
_tsrunc() {
  local typed=$2 answer
  [[ $typed == = ]] && typed=
  mapfile -t answer < <("\${COMP_WORDS[0]/#\\~\\//$HOME/}" completion bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  case \${answer[0]} in
    files) mapfile -t COMPREPLY < <(compgen -f -- "$typed") ;;
    directories) mapfile -t COMPREPLY < <(compgen -d -- "$typed") ;;
    *) COMPREPLY=("\${answer[@]:1}") ;;
  esac
  [[ \${answer[0]} == words ]] || compopt -o filenames 2>/dev/null
}
complete -F _tsrunc tsrunc
`;

const zsh = `#compdef tsrunc
# zsh completion of tsrunc: a file _tsrunc in $fpath, or . <(tsrunc completion zsh)
_tsrunc() {
  local -a answer candidates
  answer=("\${(@f)$(\${(Q)~words[1]} completion zsh -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  candidates=("\${(@)answer[2,-1]}")
  [[ $PREFIX == -*=* ]] && compset -P '*='
  case $answer[1] in
    files) _files ;;
    directories) _files -/ ;;
    words) (( $#answer > 1 )) && _describe -V tsrunc candidates ;;
  esac
}
if [[ $funcstack[1] == _tsrunc ]]; then _tsrunc "$@"; else compdef _tsrunc tsrunc; fi
`;

const fish = `# fish completion of tsrunc: ~/.config/fish/completions/tsrunc.fish
function __tsrunc_complete
    set -l words (commandline -opc)
    set -l token (string unescape -- (commandline -ct))
    set -l answer ($words[1] completion fish -- $words[2..-1] "$token" 2>/dev/null)
    set -l option (string match -r -- '^-[^=]*=' "$token")
    set -l typed (string replace -r -- '^-[^=]*=' '' "$token")
    switch "$answer[1]"
        case files
            for path in (__fish_complete_path "$typed")
                echo "$option$path"
            end
        case directories
            for path in (__fish_complete_directories "$typed")
                echo "$option$path"
            end
        case words
            printf '%s\\n' $answer[2..-1]
    end
end
complete -c tsrunc -f -a '(__tsrunc_complete)'
`;

const scripts = { bash, zsh, fish } as const;

export type Shell = keyof typeof scripts;
export const shells = Object.keys(scripts) as Shell[];
export const completionScript = (shell: Shell): string => scripts[shell];
