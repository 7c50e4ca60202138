=== set
session_start();
$_SESSION['name'] = 'Rahim';
=== get
session_start(); // sends a cookie for a mere read, too
$name = $_SESSION['name'] ?? null; // null when it is missing
=== keys
session_start();
foreach (array_keys($_SESSION) as $key) {
    echo htmlspecialchars($key), "\n";
}
=== delete
session_start();
unset($_SESSION['name']); // no error when it is missing
=== clear
session_start();
session_unset(); // the values; the ID stays
=== flush
session_start();
$_SESSION = [];
$params = session_get_cookie_params();
setcookie(session_name(), '', ['expires' => 1, 'path' => $params['path']]); // the cookie
session_destroy(); // the record
=== cycle-id
session_start();
session_regenerate_id(true); // new ID, same data; true: the old one is deleted
=== clear-expired
session_start();
$removed = session_gc();
=== expiry
ini_set('session.gc_maxlifetime', '5'); // seconds; over when the collector comes by
session_set_cookie_params(5); // the cookie's label
session_start();
=== placement
ini_set('session.save_handler', 'redis'); // or files: every value on the server
ini_set('session.save_path', 'tcp://127.0.0.1:6379');
session_start();
=== login
session_start();
session_regenerate_id(true); // or a planted ID would be logged in
$_SESSION['user'] = 'ada';
=== logout
session_start();
$_SESSION = [];
setcookie(session_name(), '', ['expires' => 1, 'path' => '/']);
session_destroy();
=== session
session_start();
echo json_encode(['id' => session_id(), 'values' => $_SESSION]);
=== verify
// the cookie is a bare ID without a signature: a changed one is unknown, and
// taken for a new session unless the server insists on IDs of its own
ini_set('session.use_strict_mode', '1');
session_start();
=== plant
setcookie('readable', 'hello', ['samesite' => 'Lax']); // not HttpOnly
=== replay
// whoever sends the copy has the session, while there is a record
session_id($copied);
session_start();
echo json_encode($_SESSION); // empty once session_destroy() has deleted it
=== drop
setcookie(session_name(), '', ['expires' => 1, 'path' => '/']); // the record stays
=== put-back
setcookie(session_name(), $kept, ['path' => '/', 'httponly' => true, 'samesite' => 'Lax']);
