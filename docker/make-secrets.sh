#!/bin/sh
# Makes what docker-compose.yml reads as secrets: a password for each user of Redis and for PostgreSQL, the token of the
# HTTP interfaces, and the files that are made of them. What is there stays: run it again after a change of
# docker/redis/users.acl or of a port. Prints names, never values. `docker/make-secrets.sh [folder]`, default ./secrets
set -eu
umask 077

here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-${OPS_SECRETS:-./secrets}}
redis_port=${OPS_REDIS_PORT:-7710}
postgres_port=${OPS_POSTGRES_PORT:-7711}
template=$here/redis/users.acl
users=$(sed -n 's/^user \([a-z-]*\) on <password>.*/\1/p' "$template")

# Only its owner enters the folder: that is what protects the files. They themselves can be read by every user, because
# Compose gives them to the containers with owner and mode as they are, and there they are read by other users.
mkdir -p "$folder"
chmod 700 "$folder"
printf '*\n' >"$folder/.gitignore"

if command -v sha256sum >/dev/null; then sum=sha256sum; else sum='shasum -a 256'; fi
random() { od -An -v -tx1 -N24 /dev/urandom | tr -d ' \n'; }
secret() { cat "$folder/$1"; }
# In one step: a container must not find half a file.
write() {
  cat >"$folder/.$1.new"
  chmod "${2:-644}" "$folder/.$1.new"
  mv -f "$folder/.$1.new" "$folder/$1"
}
create() {
  if [ ! -s "$folder/$1" ]; then random | write "$1" "${2:-644}" && echo "made $folder/$1"; fi
}

create ops-token
create postgres-password
for user in $users; do create "redis-password-$user" 600; done

# The monitor and the cron supervisor are in the host's network, the deployer on the host; they reach the servers at their published ports.
for user in $users; do
  case $user in monitor | cron-supervisor | deployer | producer | reader | operator) at=127.0.0.1:$redis_port ;; *) at=redis:6379 ;; esac
  printf 'redis://%s:%s@%s' "$user" "$(secret "redis-password-$user")" "$at" | write "redis-url-$user"
done
printf 'postgresql://ops:%s@postgres:5432/ops' "$(secret postgres-password)" | write database-url
printf 'postgresql://ops:%s@127.0.0.1:%s/ops' "$(secret postgres-password)" "$postgres_port" | write database-url-host

# What the names in <> of the template stand for: what every service needs. (xadd on what is consumed: an event that was put off
# comes back to its stream.)
connection='+hello +auth +ping +quit +info +command|info +wait +client|setname +client|id +client|info +multi +exec +discard'
consume='+xgroup|create +xgroup|delconsumer +xreadgroup +xclaim +xpending +xack +xrange +xinfo|consumers +xlen +xadd +zadd +zcard +zscan +zmscore +zremrangebyscore +eval +evalsha'
lease='+eval +get +set +del +hget +hset'
publish='+eval +evalsha +xadd +xrange +xrevrange +wait'
epoch='+get +incr +expire'
queue='+@hash +@list +@sortedset +@set +@string +@stream +del +exists +expire +pexpire +rename +type +ttl +pttl +eval +evalsha -@dangerous'
retention='~ops:guard ~ops:alerts ~ops:deploys ~ops:cron ~ops:directives ~ops:incidents ~ops:security ~ops:status ~ops:unread:* +xinfo|groups +xinfo|stream +xpending +xrange +xtrim +xlen +xack +eval +eval_ro +hincrby +hget +hset'
sed -e '/^#/d' -e '/^$/d' "$template" | sed -e ':a' -e '$!N' -e 's/\n  */ /' -e 'ta' -e 'P' -e 'D' | sed \
  -e "s/<connection>/$connection/" -e "s/<consume>/$consume/" -e "s/<lease>/$lease/g" \
  -e "s/<publish>/$publish/" -e "s/<epoch>/$epoch/" \
  -e "s/<queue>/$queue/g" -e "s/<retention>/$retention/" | while read -r word user rest; do
  case $rest in
    'on <password>'*) rest="on #$(secret "redis-password-$user" | $sum | cut -d' ' -f1)${rest#on <password>}" ;;
  esac
  printf '%s %s %s\n' "$word" "$user" "$rest"
done | write redis-users
echo "the secrets are in $folder"
