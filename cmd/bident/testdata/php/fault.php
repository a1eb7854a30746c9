<?php
header('Content-Type: text/plain');
switch ($_GET['how']) {
case 'exit':
    echo "before\n";
    exit(3);
case 'fatal':
    no_such_function();
case 'late':
    echo str_repeat("before the error\n", 10);
    throw new Exception('late');
case 'memory':
    ini_set('memory_limit', '4M');
    echo strlen(str_repeat('x', 64 << 20));
case 'time':
    set_time_limit(1);
    for (;;);
case 'log':
    error_log('a line for the log');
    echo "logged\n";
    break;
case 'die':
    posix_kill(getmypid(), 9);
    usleep(10000000);
case 'parse':
    require 'parse.inc';
}
