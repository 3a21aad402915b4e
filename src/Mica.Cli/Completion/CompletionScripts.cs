namespace Mica.Cli.Completion;

/// <summary>
/// Scripts that make a shell ask <c>mica __complete</c>. A line of its answer is a word, a tab and a description; the line
/// <c>:files</c> stands for the names of files.
/// </summary>
internal static class CompletionScripts
{
    // Bash cuts words at colons and equals signs, which image names and options have: the part before the last of them stays
    // on the line, and must not come again in the reply.
    public const string Bash = """
        # bash completion for mica: source it, or put it into /usr/share/bash-completion/completions/mica
        _mica() {
            local line=${COMP_LINE:0:COMP_POINT} words current kept answer word
            read -ra words <<< "$line"
            [[ $line == *[[:space:]] || ${#words[@]} -lt 2 ]] && words+=("")
            current=${words[-1]}
            kept=""
            [[ $current == *[:=]* ]] && kept=${current%"${current##*[:=]}"}
            COMPREPLY=()
            mapfile -t answer < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
            for word in "${answer[@]}"; do
                if [[ $word == :files ]]; then
                    compopt -o filenames 2>/dev/null
                    mapfile -t COMPREPLY < <(compgen -f -- "${current#"$kept"}")
                    return
                fi
                word=${word%%$'\t'*}
                COMPREPLY+=("${word#"$kept"}")
            done
            [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
            return 0
        }
        complete -F _mica mica

        """;

    public const string Zsh = """
        #compdef mica
        # zsh completion for mica: put it into a directory of $fpath as _mica, or source it after compinit
        _mica() {
            local -a answer candidates
            local line word
            answer=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
            for line in "${answer[@]}"; do
                [[ -z $line ]] && continue
                if [[ $line == :files ]]; then
                    _files
                    return
                fi
                word=${line%%$'\t'*}
                candidates+=("${word//:/\\:}:${line#*$'\t'}")
            done
            _describe 'mica' candidates
        }
        if [[ $funcstack[1] == _mica ]]; then
            _mica "$@"
        else
            compdef _mica mica
        fi

        """;

    public const string Fish = """
        # fish completion for mica: source it, or put it into ~/.config/fish/completions/mica.fish
        function __mica_complete
            set -l before (commandline -opc)
            set -l current (commandline -ct)
            set -l answer (command $before[1] __complete $before[2..-1] "$current" 2>/dev/null)
            if test "$answer[1]" = ":files"
                __fish_complete_path "$current"
            else if test (count $answer) -gt 0
                printf '%s\n' $answer
            end
        end
        complete -c mica -f -a '(__mica_complete)'

        """;
}
