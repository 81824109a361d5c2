#!/bin/sh
# The functions of the soak test that a shell can be, with curl: each answers with the event that it was given.
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
[ "$_HANDLER" = rogue.refuse ] && exit 7
while :; do
	curl -sS -D "$HOME/head" -o "$HOME/event" "$api/next" || exit 1
	id=$(sed -n 's/^Lambda-Runtime-Aws-Request-Id: *//ip' "$HOME/head" | tr -d '\r')
	case $_HANDLER in
	rogue.exit) exit 3 ;;
	rogue.crash) kill -KILL $$ ;;
	rogue.hang) sleep 60 ;;
	rogue.detach)
		setsid sleep 600 >/dev/null 2>&1 &
		mkdir -p "$HOME/kept/$id/inner"
		echo x >"$HOME/kept/$id/inner/file"
		chmod 0555 "$HOME/kept/$id/inner" "$HOME/kept/$id"
		;;
	esac
	curl -sS -o /dev/null --data-binary "@$HOME/event" "$api/$id/response" || exit 1
done
