#!/bin/bash
#
# test/group.sh
#	For scripts to source: run a command in a process group of its own, so
#	that nothing of it stays behind when the script is told to end.
#
# The script's own EXIT trap calls end_group first.
#
group=
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# run_group COMMAND [ARG]...
run_group()
{
	set -m
	"$@" <&0 &
	group=$!
	set +m
	wait "$group" && set -- 0 || set -- $?
	group=
	return "$1"
}

# Ask all of the group to end; insist after 20 seconds.
end_group()
{
	trap : INT TERM HUP
	[ -n "$group" ] || return 0
	kill -TERM -- "-$group" 2>/dev/null || :
	for _ in {1..200}
	do
		kill -0 -- "-$group" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL -- "-$group" 2>/dev/null || :
}
