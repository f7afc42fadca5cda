"""The views of `guarded` in Django REST framework; a file of its own because importing it needs settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from sekisho_verify.django import token_of
from sekisho_verify.drf import HasRole
from tests.verify.guarded import told

if TYPE_CHECKING:
    from rest_framework.request import Request


class Whoami(APIView):
    """Who asks."""

    def get(self, request: Request) -> Response:
        """By either way."""
        return Response(told(token_of(request)))

    post = get


class Keeper(Whoami):
    """The same for keepers."""

    permission_classes = (HasRole("keeper"),)


urlpatterns = [path("", Whoami.as_view()), path("keeper", Keeper.as_view())]
