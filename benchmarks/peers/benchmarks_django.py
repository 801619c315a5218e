"""The credit in Django and Django REST framework, as their documentation has it."""

import hashlib
import json
import os
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import django
from django.conf import settings

_parts = urlsplit(os.environ["PEER_DATABASE"])
settings.configure(
    SECRET_KEY="bench",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _parts.path[1:], "USER": _parts.username, "PASSWORD": _parts.password,
            "HOST": dict(parse_qsl(_parts.query)).get("host") or _parts.hostname or "", "PORT": str(_parts.port or ""),
            "OPTIONS": {"pool": {"min_size": 4, "max_size": 8}},
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "UNAUTHENTICATED_USER": None,
    },
)  # fmt: skip
django.setup()

from django.core.wsgi import get_wsgi_application
from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.urls import path
from rest_framework import authentication, exceptions, permissions, serializers
from rest_framework.response import Response
from rest_framework.views import APIView


class Token(models.Model):
    tenant = models.IntegerField()
    hash = models.BinaryField(unique=True)
    name = models.TextField()
    revoked_at = models.DateTimeField(null=True)
    is_authenticated = True

    class Meta:
        app_label, db_table, managed = "peer", "peer_token", False


class Account(models.Model):
    tenant = models.IntegerField()
    balance = models.BigIntegerField()

    class Meta:
        app_label, db_table, managed = "peer", "peer_account", False


class Request(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    tenant = models.IntegerField()
    caller = models.IntegerField()
    key = models.TextField()
    digest = models.BinaryField()
    reply = models.TextField()
    at = models.DateTimeField()

    class Meta:
        app_label, db_table, managed = "peer", "peer_request", False


class Entry(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    tenant = models.IntegerField()
    account = models.IntegerField()
    request = models.UUIDField()
    amount = models.BigIntegerField()
    balance_after = models.BigIntegerField()
    reason = models.TextField()
    at = models.DateTimeField()

    class Meta:
        app_label, db_table, managed = "peer", "peer_entry", False


class Lot(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    tenant = models.IntegerField()
    account = models.IntegerField()
    amount = models.BigIntegerField()
    remaining = models.BigIntegerField()
    expires_at = models.DateTimeField(null=True)

    class Meta:
        app_label, db_table, managed = "peer", "peer_lot", False


class Event(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    tenant = models.IntegerField()
    name = models.TextField()
    body = models.TextField()
    at = models.DateTimeField()

    class Meta:
        app_label, db_table, managed = "peer", "peer_event", False


class TokenAuthentication(authentication.BaseAuthentication):
    def authenticate(self, request: Any) -> tuple[Any, Any]:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        hashed = hashlib.sha256(text.encode()).digest()
        token = Token.objects.filter(hash=hashed, revoked_at=None).first() if scheme == "Bearer" else None
        if token is None:
            raise exceptions.AuthenticationFailed
        return token, token


class CreditIn(serializers.Serializer):
    asset = serializers.ChoiceField(["points", "growth", "stored_value"])
    amount = serializers.IntegerField(min_value=1, max_value=10**12)
    reason = serializers.CharField(max_length=100)


class CreditView(APIView):
    authentication_classes = [TokenAuthentication]
    permission_classes = [permissions.IsAuthenticated]

    def post(self, request: Any, account: int) -> Response:
        key = request.headers.get("Idempotency-Key", "")
        if not key:
            raise exceptions.ValidationError("send an Idempotency-Key")
        asked = CreditIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said, token, now = asked.validated_data, request.user, datetime.now(UTC)
        digest = hashlib.sha256(json.dumps([account, said], sort_keys=True).encode()).digest()
        try:
            with transaction.atomic():
                return Response(self.credit(token, account, key, digest, said, now))
        except IntegrityError:
            first = Request.objects.get(tenant=token.tenant, caller=token.id, key=key)
            if bytes(first.digest) != digest:
                raise exceptions.ValidationError("this key was used for another request") from None
            return Response(json.loads(first.reply))

    def credit(self, token: Any, account: int, key: str, digest: bytes, said: Any, now: datetime) -> dict[str, Any]:
        tenant, amount = token.tenant, said["amount"]
        kept = Request.objects.create(tenant=tenant, caller=token.id, key=key, digest=digest, reply="", at=now)
        if not Account.objects.filter(tenant=tenant, id=account).update(balance=F("balance") + amount):
            raise exceptions.NotFound
        balance = Account.objects.values_list("balance", flat=True).get(tenant=tenant, id=account)
        entry = Entry.objects.create(
            tenant=tenant, account=account, request=kept.id, amount=amount, balance_after=balance,
            reason=said["reason"], at=now,
        )  # fmt: skip
        Lot.objects.create(tenant=tenant, account=account, amount=amount, remaining=amount)
        body = json.dumps({"account": account, "amount": amount})
        Event.objects.create(tenant=tenant, name="points_credited", body=body, at=now)
        reply = {"id": str(kept.id), "entry": str(entry.id), "amount": amount, "balance": balance}
        Request.objects.filter(id=kept.id).update(reply=json.dumps(reply))
        return reply


urlpatterns = [path("accounts/<int:account>/points", CreditView.as_view())]
application = get_wsgi_application()
