"""What Django REST framework answers with simplejwt: its own three views, and one that asks who is asking."""

# mypy: disable-error-code="import-not-found, misc, untyped-decorator"

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.views import TokenBlacklistView, TokenObtainPairView, TokenRefreshView


def register(request: HttpRequest) -> HttpResponse:
    """Make an account."""
    user = User.objects.create_user(request.POST["username"], password=request.POST["password"])
    return JsonResponse({"id": str(user.pk)}, status=201)


@api_view(["GET"])
def me(request: Request) -> Response:
    """Who is asking."""
    return Response({"id": str(request.user.pk)})


urlpatterns = [
    path("auth/register", register),
    path("auth/login", TokenObtainPairView.as_view()),
    path("auth/refresh", TokenRefreshView.as_view()),
    path("auth/logout", TokenBlacklistView.as_view()),
    path("me", me),
]
