mkdir -p dir/sub; echo dir/a.log >dir/a.log; echo dir/sub/c.log >dir/sub/c.log
