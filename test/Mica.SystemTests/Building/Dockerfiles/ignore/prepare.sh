mkdir -p dir/deep/er node_modules/x build/keep .git
for f in a.log b.txt dir/a.log dir/deep/b.log dir/deep/er/c.log dir/keep.log node_modules/x/y build/1 build/keep/2 .git/config dir/secret readme.md dir/readme.md; do echo $f >$f; done
printf '%s\n' '# comment' '*.log' '**/*.log' '!dir/keep.log' 'node_modules' '/build/*' '!build/keep' '.git/' 'dir/sec?et' '*.md' ' # not a comment' '.dockerignore' >.dockerignore
