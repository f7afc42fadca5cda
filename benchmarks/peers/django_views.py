"""What Django answers: an account is made, logs in, asks who it is, and logs out."""

from __future__ import annotations

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path


def register(request: HttpRequest) -> HttpResponse:
    """Make an account."""
    user = User.objects.create_user(request.POST["username"], password=request.POST["password"])
    return JsonResponse({"id": str(user.pk)}, status=201)


def log_in(request: HttpRequest) -> HttpResponse:
    """Open a session."""
    user = authenticate(request, username=request.POST["username"], password=request.POST["password"])
    if user is None:
        return HttpResponse(status=401)
    login(request, user)
    return HttpResponse(status=204)


def log_out(request: HttpRequest) -> HttpResponse:
    """End it."""
    logout(request)
    return HttpResponse(status=204)


def me(request: HttpRequest) -> HttpResponse:
    """Who is asking."""
    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    return JsonResponse({"id": str(request.user.pk)})


urlpatterns = [
    path("auth/register", register),
    path("auth/login", log_in),
    path("auth/logout", log_out),
    path("me", me),
]
