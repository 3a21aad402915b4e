mkdir -p t/sub dir; echo one >t/one; ln t/one t/hard; ln -s one t/soft; chmod 4750 t/one; chown 11:22 t/one t/sub; chmod 700 t/sub; echo deep >t/sub/deep
tar -cf plain.tar --numeric-owner -C t one hard soft sub
cp plain.tar renamed.bin; cp plain.tar dir/inner.tar
for f in one:gzip:gz two:bzip2:bz2 three:xz:xz; do IFS=: read -r name program ending <<<"$f"; mkdir n; echo $name >n/$name; tar -cf - -C n $name | $program >$name.tar.$ending; rm -r n; done
echo text >not-an-archive.tar.gz; echo text | gzip -n >gzipped.gz
rm -r t
