=== set
def set_name(request):
    request.session["name"] = "Rahim"
    return HttpResponse("set")
=== get
def get_name(request):
    name = request.session.get("name")  # None when it is missing
    return HttpResponse(name)
=== keys
def list_keys(request):
    return HttpResponse("\n".join(request.session.keys()))
=== delete
def delete_name(request):
    request.session.pop("name", None)  # del raises KeyError when it is missing
    return HttpResponse("deleted")
=== clear
def clear(request):
    request.session.clear()  # the values; ID and record stay
    return HttpResponse("cleared")
=== flush
def flush(request):
    request.session.flush()  # the record and the cookie
    return HttpResponse("flushed")
=== cycle-id
def cycle(request):
    request.session.cycle_key()  # new ID, same data
    return HttpResponse("cycled")
=== clear-expired
# the clearsessions command does it; nothing does it by itself
def clear_expired(request):
    request.session.clear_expired()
    return HttpResponse("cleared")
=== expiry
def expire(request):
    request.session.set_expiry(5)  # seconds; 0: browser close; None: the policy
    return HttpResponse("5 seconds")
=== placement
# settings.py: for the whole site
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
# or .db, .cache, .cached_db, .file: values on the server
=== login
from django.contrib.auth import login

def log_in(request, user):
    login(request, user)  # gives the session a new ID
    return HttpResponse("hello")
=== logout
from django.contrib.auth import logout

def log_out(request):
    logout(request)  # a flush
    return HttpResponse("bye")
=== session
def look(request):
    session = request.session
    return JsonResponse({
        "id": session.session_key,  # None before the first write
        "expires": session.get_expiry_date(),
        "values": dict(session.items()),
    })
=== verify
from django.core import signing

# what the signed_cookies backend does; BadSignature when a letter was changed
values = signing.loads(
    cookie, salt="django.contrib.sessions.backends.signed_cookies",
    serializer=JSONSerializer, max_age=settings.SESSION_COOKIE_AGE)
=== plant
def plant(request):
    response = HttpResponse("planted")
    response.set_cookie("readable", "hello", samesite="Lax")  # not HttpOnly
    return response
=== replay
from django.contrib.sessions.backends.db import SessionStore  # the default

# whoever sends the copy has the session, while there is a record
values = SessionStore(session_key=copied).load()  # {} once flush() has deleted it
=== drop
def drop_cookie(request):
    response = HttpResponse("dropped")
    response.delete_cookie(settings.SESSION_COOKIE_NAME)  # the record stays
    return response
=== put-back
def put_back(request):
    response = HttpResponse("put back")
    response.set_cookie(settings.SESSION_COOKIE_NAME, kept, httponly=True, samesite="Lax")
    return response
