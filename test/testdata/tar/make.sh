#!/bin/bash
# Makes the archives in this directory. Run as root on Debian 12 with GNU tar 1.34, bsdtar 3.6.2 (libarchive-tools), python3 and
# attr, on a file system with sparse files and user xattrs. Nothing needs to be made again: the archives are checked in.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d /var/tmp/tar-corpus.XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work"
umask 022
export TZ=UTC LC_ALL=C

stamp() { touch -h -d "@$1" "${@:2}"; }
plain=(--owner=0 --group=0 --numeric-owner --sort=name)

# A sparse file: data at 0, 128 KiB and 1 MiB, then a hole up to 2 MiB. Another with twelve pieces, more than one header holds.
# A third that is one hole.
mkdir sparse
for i in 0 131072 1048576; do printf 'data at %07d\n' $i | dd of=sparse/few bs=1 seek=$i conv=notrunc status=none; done
truncate -s 2M sparse/few
for i in $(seq 0 11); do printf 'piece %02d\n' "$i" | dd of=sparse/many bs=1 seek=$((i * 65536)) conv=notrunc status=none; done
truncate -s 1M sparse/hole
stamp 1700000000 sparse/* sparse
tar -cS --format=gnu "${plain[@]}" -b 1 -f "$here/gnu-sparse-old.tar" sparse
for version in 0.0 0.1 1.0; do
    tar -cS --format=pax --sparse-version=$version --pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f \
        "${plain[@]}" -b 1 -f "$here/gnu-sparse-$version.tar" sparse
done
bsdtar -c --format=pax --uid 0 --gid 0 --uname '' --gname '' -b 1 -f "$here/bsdtar-sparse.tar" sparse

# Names longer than a header field, longer than prefix and name, and exactly as long; and a link to such a name.
mkdir -p long && cd long
n100=$(printf 'n%.0s' $(seq 100)); n101=${n100}x; deep=$(printf 'directory-of-twenty-%02d/' $(seq 14))
mkdir -p "$deep" && echo deep > "${deep}file"
echo 100 > "$n100"; echo 101 > "$n101"; ln -s "${deep}file" link; ln "$n101" hard
find . -depth -exec touch -h -d @1700000000 {} +
cd ..
for format in gnu pax ustar; do
    options=(); [ $format = pax ] && options=(--pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f)
    # ustar cannot hold all of it.
    exclude=(); [ $format = ustar ] && exclude=(--exclude=*x --exclude=hard --exclude=link --exclude=directory-of-twenty-09)
    tar -c --format=$format "${options[@]}" "${exclude[@]}" "${plain[@]}" -b 1 -f "$here/gnutar-long-$format.tar" long
done
tar -c --format=v7 "${plain[@]}" -b 1 -f "$here/gnutar-v7.tar" --exclude='n*' --exclude='directory*' --exclude=hard --exclude=link long
bsdtar -c --format=pax --uid 0 --gid 0 --uname '' --gname '' -b 1 -f "$here/bsdtar-long.tar" long

# Every kind, owners and times that need base 256 or pax, setuid and sticky, a name that is not UTF-8.
mkdir kinds && cd kinds
echo one > file; ln file hard; ln -s file symbolic; mkfifo fifo; mknod null c 1 3; mknod disk b 259 70000
mkdir tmp; chmod 1777 tmp; cp file setuid; chown 3000000:4000000 setuid; chmod 6755 setuid
printf 'x' > "$(printf 'caf\xe9')"; printf 'y' > "$(printf 'caf\xc3\xa9')"
touch -h -d '1960-02-03 04:05:06.25' file hard; touch -h -d '@1700000000.123456789' symbolic fifo null disk setuid tmp caf*
cd ..; touch -d '@99999999999' kinds
tar -c --format=gnu --numeric-owner --sort=name -b 1 -f "$here/gnutar-kinds-gnu.tar" kinds
tar -c --format=pax --pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f --numeric-owner --sort=name -b 1 \
    -f "$here/gnutar-kinds-pax.tar" kinds
bsdtar -c --format=pax --numeric-owner -b 1 -f "$here/bsdtar-kinds.tar" kinds
python3 - "$here" <<'PY'
import sys, tarfile
for name, form in (("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT)):
    with tarfile.open(f"{sys.argv[1]}/python-kinds-{name}.tar", "w", format=form) as t:
        def only(info):
            info.uname = info.gname = ""
            return info
        t.add("kinds", filter=only)
PY

# Extended attributes, with bytes that are not text, a NUL, an empty value, "=" in a name, and a file capability.
mkdir xattrs; echo x > xattrs/file; stamp 1700000000 xattrs/file xattrs
setfattr -n user.text -v hello xattrs/file
setfattr -n user.bytes -v 0x00ff8041e90a3d xattrs/file
setfattr -n user.empty xattrs/file
setfattr -n user.a=b%c -v equals xattrs/file
setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 xattrs/file
tar -c --format=pax --xattrs --xattrs-include='*' --pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f "${plain[@]}" -b 1 \
    -f "$here/gnutar-xattrs.tar" xattrs
bsdtar -c --format=pax --xattrs --uid 0 --gid 0 --uname '' --gname '' -b 1 -f "$here/bsdtar-xattrs.tar" xattrs

# A global header, and what follows the end.
tar -c --format=pax --pax-option='delete=atime,delete=ctime,globexthdr.name=g,comment=hello,gid:=77,mtime=1234567890.5,exthdr.name=%d/PaxHeaders/%f' \
    "${plain[@]}" -f "$here/gnutar-global.tar" xattrs
gzip -nf9 "$here"/*.tar
ls -l "$here"
