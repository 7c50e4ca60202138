# The completion of sessionscope for fish. It is there in every new shell after
# mkdir -p ~/.config/fish/completions; sessionscope completion fish >~/.config/fish/completions/sessionscope.fish
# If sessionscope is not on PATH, write its path instead.

# __sessionscope_takes tells whether --NAME may come next, or its value: no command stands in
# the line, and --NAME itself does not, unless it waits for its value.
function __sessionscope_takes -a name waits
    set -l given (commandline -opc)
    set -e given[1]
    if not set -q given[1]
        return 0
    end
    if contains -- $given[1] completion man
        return 1
    end
    if test -n "$waits" -a "$given[-1]" = "--$name"
        return 0
    end
    not string match -q -- "--$name" $given; and not string match -q -- "--$name=*" $given
end

# __sessionscope_files lists files for the value that is typed, if it begins with one of the words.
function __sessionscope_files
    set -l value (string replace -r -- '^--[a-z-]+=' '' (commandline -ct))
    for begin in $argv
        if set -l name (string replace -r -- "^$begin" '' $value)
            string replace -r -- '^' $begin (__fish_complete_path $name)
        end
    end
end

complete -c sessionscope -f
complete -c sessionscope -n 'test (count (commandline -opc)) = 1' -a completion -d 'print the script with which SHELL completes flags and their values'
complete -c sessionscope -n 'test (count (commandline -opc)) = 2; and test (commandline -opc)[2] = completion' -a 'bash zsh fish powershell'
complete -c sessionscope -n 'test (count (commandline -opc)) = 1' -a man -d 'print the manual page'
complete -c sessionscope -n '__sessionscope_takes addr waits' -l addr -x -d 'HOST:PORT to listen on'
complete -c sessionscope -n '__sessionscope_takes' -l allow-host -x -d 'one more NAME or NAME:PORT that the Host header may carry'
complete -c sessionscope -n '__sessionscope_takes classroom' -l classroom -a 'true false' -d 'open a class at the start, for phones on the same network'
complete -c sessionscope -n '__sessionscope_takes durability waits' -l durability -x -a 'full batched' -d 'WHEN a write to SQLite is answered'
complete -c sessionscope -n '__sessionscope_takes help' -l help -d 'print these flags and commands'
complete -c sessionscope -n '__sessionscope_takes idle waits' -l idle -x -d 'how long a session lives after its last write, a DURATION such as 30m'
complete -c sessionscope -n '__sessionscope_takes join-host waits' -l join-host -x -d 'NAME or address, also with a port, that a class shows first as the one to join at'
complete -c sessionscope -n '__sessionscope_takes lifetime waits' -l lifetime -x -d 'how long a session lives at most, a DURATION'
complete -c sessionscope -n '__sessionscope_takes log-format waits' -l log-format -x -a 'text json' -d 'FORMAT of the log'
complete -c sessionscope -n '__sessionscope_takes log-requests' -l log-requests -a 'true false' -d 'log one line a request'
complete -c sessionscope -n '__sessionscope_takes max-sessions waits' -l max-sessions -x -d 'NUMBER of sessions that the store holds'
complete -c sessionscope -n '__sessionscope_takes open' -l open -a 'true false' -d 'open the browser'
complete -c sessionscope -n '__sessionscope_takes placement waits' -l placement -x -a 'cookie hybrid server' -d 'WHERE a new session\'s values live'
complete -c sessionscope -n '__sessionscope_takes rolling' -l rolling -a 'true false' -d 'reading extends the idle clock too'
complete -c sessionscope -n '__sessionscope_takes seats waits' -l seats -x -d 'NUMBER of learners that a class has room for, at most 300'
complete -c sessionscope -n '__sessionscope_takes secret-file waits' -l secret-file -r -F -d 'FILE of signing secrets, one a line, newest first, each at least 32 random bytes in base64 or hex'
complete -c sessionscope -n '__sessionscope_takes store waits' -l store -x -a 'memory sqlite sqlite: redis:// rediss:// unix:// (__sessionscope_files sqlite: unix://)' -d 'WHERE records are kept'
complete -c sessionscope -n '__sessionscope_takes version' -l version -d 'print version, commit and Go version'
