<?php
header('Content-Type: text/plain');
foreach (['SCRIPT_NAME', 'SCRIPT_FILENAME', 'PATH_INFO', 'PATH_TRANSLATED', 'DOCUMENT_ROOT', 'QUERY_STRING', 'REQUEST_METHOD',
          'REQUEST_URI', 'REDIRECT_STATUS', 'REMOTE_ADDR', 'SERVER_PROTOCOL', 'GATEWAY_INTERFACE', 'HTTPS', 'HTTP_X_TWICE', 'HTTP_PROXY',
          'CONTENT_LENGTH', 'CONTENT_TYPE'] as $name) {
    echo $name, '=', $_SERVER[$name] ?? '(none)', "\n";
}
