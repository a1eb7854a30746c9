<?php
// The front controller: what is no file comes here.
require 'lib.inc';
header('Content-Type: text/plain');
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
switch ($path) {
case '/':
    echo "home\n";
    break;
case '/hello':
    echo "hello\n";
    break;
case '/echo':
    readfile('php://input');
    break;
case '/moved':
    header('Location: /', true, 301);
    break;
case '/elsewhere':
    header('Location: https://example.org/x?y=1');
    break;
case '/teapot':
    http_response_code(418);
    echo "teapot\n";
    break;
case '/cookies':
    setcookie('a', '1');
    setcookie('b', 'two words');
    echo greeting($_COOKIE['a'] ?? 'nobody'), "\n";
    break;
default:
    echo "route $path {$_SERVER['QUERY_STRING']}\n";
}
