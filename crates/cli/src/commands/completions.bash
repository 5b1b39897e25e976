# Bash takes a word apart at every `:` and `=` (COMP_WORDBREAKS), and puts what is offered in place of its last part only.
# So words are put together again before they are handed over, and what stands already is taken off what is offered.
_ringway() {
    local line=${COMP_LINE:0:COMP_POINT} words=() word gap rest last i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        gap=${line%%[![:space:]]*}
        rest=${line#"$gap"}
        if ((i == COMP_CWORD)); then
            word=$rest
        else
            word=${COMP_WORDS[i]}
        fi
        line=${rest#"$word"}
        if ((i > 0)) && [[ -z $gap && ($word == [:=]* || ${COMP_WORDS[i - 1]} == *[:=]) ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
    done
    last=${words[${#words[@]} - 1]}
    last=${last#[\"\']}
    words[${#words[@]} - 1]=$last
    local there=${last%"$2"}
    local IFS=$'\013' space=true
    if compopt +o nospace 2> /dev/null; then
        space=false
    fi
    COMPREPLY=($(
        _CLAP_IFS="$IFS" \
        _CLAP_COMPLETE_INDEX=$((${#words[@]} - 1)) \
        _CLAP_COMPLETE_COMP_TYPE="$COMP_TYPE" \
        _CLAP_COMPLETE_SPACE="$space" \
        RINGWAY_COMPLETE=bash \
        ringway -- "${words[@]}"
    ))
    if (($? != 0)); then
        unset COMPREPLY
        return
    fi
    COMPREPLY=("${COMPREPLY[@]#"$there"}")
    if [[ $space == false && ${COMPREPLY-} =~ [=/:]$ ]]; then
        compopt -o nospace
    fi
}
if ((BASH_VERSINFO[0] > 4 || (BASH_VERSINFO[0] == 4 && BASH_VERSINFO[1] >= 4))); then
    complete -o nospace -o bashdefault -o nosort -F _ringway ringway
else
    complete -o nospace -o bashdefault -F _ringway ringway
fi
