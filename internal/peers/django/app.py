"""Django's sessions behind the small interface that all peers speak. Its settings come from the
environment: see settings in internal/peers."""

import os
import sys
import time

from django.conf import settings

secrets = os.environ.get("PEER_SECRETS", "secret").split(",")
settings.configure(
    SECRET_KEY=secrets[0],
    SECRET_KEY_FALLBACKS=secrets[1:],  # Django 4.1 and later
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.path.join(os.environ.get("PEER_DIR", "."), "db.sqlite3"),
        }
    },
    SESSION_ENGINE="django.contrib.sessions.backends." + os.environ.get("PEER_STORE", "db"),
    SESSION_COOKIE_AGE=int(os.environ.get("PEER_IDLE", "3600")),
)

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402

application = get_wsgi_application()


def ready(request):
    return HttpResponse()


def get(request):
    key = request.GET["key"]
    return JsonResponse({"found": key in request.session, "value": request.session.get(key, "")})


def keys(request):
    return JsonResponse({"keys": sorted(request.session.keys())})


def set(request):
    request.session.get("")  # it loads the session
    if "hold" in request.POST:
        time.sleep(float(request.POST["hold"].rstrip("s")))
    request.session[request.POST["key"]] = request.POST["value"]
    return JsonResponse({})


def delete(request):
    request.session.pop(request.POST["key"], None)
    return JsonResponse({})


def login(request):
    request.session.cycle_key()  # as django.contrib.auth.login does
    request.session["user"] = request.POST["user"]
    return JsonResponse({})


def flush(request):
    request.session.flush()  # as django.contrib.auth.logout does
    return JsonResponse({})


urlpatterns = [
    path("ready", ready),
    path("get", get),
    path("keys", keys),
    path("set", set),
    path("delete", delete),
    path("login", login),
    path("flush", flush),
]

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
