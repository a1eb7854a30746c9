<?php
while (ob_get_level() > 0) {
    ob_end_flush(); // PHP's own buffer, if php.ini asks for one
}
header('Content-Type: text/plain');
// Each piece waits until the client has said, in a file, that it has seen the one before.
for ($i = 0; $i < 3; $i++) {
    echo "piece $i\n";
    flush();
    for ($n = 0; $i < 2 && !file_exists("$_GET[seen]$i") && $n < 3000; $n++) {
        usleep(10000);
        clearstatcache();
    }
}
