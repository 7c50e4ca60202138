# The completion of sessionscope for bash. Put one of these lines into ~/.bashrc, and open a new shell:
# eval "$(sessionscope completion bash)", or with the path of this file: source /path/to/sessionscope.bash
# If sessionscope is not on PATH, write its path instead.

_sessionscope() {
    local IFS=$' \t\n' line=${COMP_LINE:0:COMP_POINT} blank part words=() n=-1 i
    COMPREPLY=()
    # Bash cuts words at = and at : too. Here they are whole, up to the cursor.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        blank=${line%%[![:space:]]*}
        line=${line#"$blank"}
        part=${COMP_WORDS[i]}
        [[ $i -lt $COMP_CWORD ]] || part=$line
        line=${line#"$part"}
        if [[ $i -eq 0 || -n $blank ]]; then
            words[++n]=$part
        else
            words[n]+=$part
        fi
    done
    local current=${words[n]} flag='' value='' before='' given=' ' offers='' kept=''
    for ((i = 1; i < n; i++)); do
        case ${words[i]} in
        --) return ;;
        --addr | --allow-host | --durability | --idle | --join-host | --lifetime | --log-format | --max-sessions | --placement | --seats | --secret-file | --store)
            given+="${words[i]} "
            ((++i < n)) || flag=${words[i - 1]} value=$current
            ;;
        *) given+="${words[i]%%=*} " ;;
        esac
    done
    if [[ -z $flag && $current == --*=* ]]; then
        flag=${current%%=*}
        value=${current#*=}
        before=$flag=
    fi
    # Readline replaces what stands behind the last = or :, where it cuts words there.
    local cuts=${COMP_WORDBREAKS//[!=:]/}
    [[ -z $cuts ]] || kept=${current%"${current##*[$cuts]}"}
    local at=$flag=$value
    [[ $n -eq 1 || ${words[1]} == -* ]] || at="${words[1]} $n"
    case $at in
    'completion 2') offers='bash zsh fish powershell' ;;
    --classroom=*) offers='true false' ;;
    --durability=*) offers='full batched' ;;
    --log-format=*) offers='text json' ;;
    --log-requests=*) offers='true false' ;;
    --open=*) offers='true false' ;;
    --placement=*) offers='cookie hybrid server' ;;
    --rolling=*) offers='true false' ;;
    --secret-file=*)
        IFS=$'\n'
        compopt -o default 2>/dev/null || COMPREPLY=($(compgen -f -- "${current#"$kept"}"))
        return
        ;;
    --store=sqlite:* | --store=unix://*)
        IFS=$'\n'
        compopt -o default 2>/dev/null || COMPREPLY=($(compgen -f -- "${current#"$kept"}"))
        return
        ;;
    --store=*) offers='memory sqlite sqlite: redis:// rediss:// unix://' ;;
    =)
        [[ $n -gt 1 ]] || offers='completion man'
        for part in --addr --classroom --durability --help --idle --join-host --lifetime --log-format --log-requests --max-sessions --open --placement --rolling --seats --secret-file --store --version; do
            [[ $given == *" $part "* ]] || offers+=" $part"
        done
        offers+=' --allow-host'
        ;;
    esac
    for part in $offers; do
        part=$before$part
        [[ $part != "$current"* ]] || COMPREPLY+=("${part#"$kept"}")
    done
    [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *[:/] ]] || compopt -o nospace 2>/dev/null
}

complete -F _sessionscope sessionscope
