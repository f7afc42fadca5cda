"""What can go wrong with AWS Secrets Manager, in words, each with its fix. By code; no secret comes near."""

from __future__ import annotations

from typing import Final, NamedTuple

from sekisho.setting_values import quoted
from sekisho.setting_words import Words
from sekisho.settings import SettingsRefused, refused


class _Said(NamedTuple):
    problem: Words
    fix: Words


_NO_CREDENTIALS: Final = _Said(
    Words(
        "cannot be read: boto3 finds no credentials of AWS",
        "を読めません: boto3 が AWS の認証情報を見つけられません",
    ),
    Words(
        "give the machine a role, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        "マシンにロールを付けるか、AWS_PROFILE か AWS_ACCESS_KEY_ID と AWS_SECRET_ACCESS_KEY を設定します",
    ),
)
_BAD_CREDENTIALS: Final = _Said(
    Words(
        "cannot be read: AWS does not take these credentials ({code})",
        "を読めません: AWS がこの認証情報を受け付けません ({code})",
    ),
    Words(
        "renew them if they have expired or were replaced, and check the clock of this machine",
        "期限切れか差し替え済みなら取り直し、このマシンの時計も確かめてください",
    ),
)
_DENIED: Final = _Said(
    Words(
        "may not be read by this role ({code}, version {stage})",
        "このロールには読む権限がありません ({code}、バージョン {stage})",
    ),
    Words(
        "allow secretsmanager:GetSecretValue on it in every stage, and kms:Decrypt on its own key if any",
        "全ステージの secretsmanager:GetSecretValue と、独自の KMS キーなら kms:Decrypt を許可してください",
    ),
)
_NOT_FOUND: Final = _Said(
    Words(
        "does not exist in region {region}, or has no version {stage}",
        "リージョン {region} にないか、バージョン {stage} がありません",
    ),
    Words(
        "correct the name or the region (AWS_DEFAULT_REGION, or give the whole ARN), and put a value into it",
        "名前かリージョン (AWS_DEFAULT_REGION、または ARN 全体を指定) を直し、値を入れてください",
    ),
)
_DELETED: Final = _Said(
    Words("is scheduled for deletion at AWS ({code})", "AWS で削除が予定されています ({code})"),
    Words(
        "run: aws secretsmanager restore-secret --secret-id ID",
        "実行してください: aws secretsmanager restore-secret --secret-id ID",
    ),
)
_THROTTLED: Final = _Said(
    Words(
        "was asked for too often: AWS throttles this account ({code})",
        "AWS がこのアカウントの要求を制限しています ({code})",
    ),
    Words(
        "wait a minute and try again; look who else asks AWS Secrets Manager that often",
        "1 分ほど待ってやり直し、他に何が AWS Secrets Manager を頻繁に呼んでいるか調べてください",
    ),
)
_SLOW: Final = _Said(
    Words("was not answered in time by AWS ({code})", "AWS から時間内に応答がありません ({code})"),
    Words(
        "check the route to AWS from here: security group, VPC endpoint, proxy",
        "ここから AWS への経路 (セキュリティグループ、VPC エンドポイント、プロキシ) を確かめてください",
    ),
)
_UNREACHABLE: Final = _Said(
    Words(
        "cannot be read: AWS is not reached in region {region} ({code})",
        "を読めません: リージョン {region} の AWS に届きません ({code})",
    ),
    Words(
        "check the region's name, DNS, the proxy and AWS_ENDPOINT_URL",
        "リージョン名、DNS、プロキシ、AWS_ENDPOINT_URL を確かめてください",
    ),
)
_BROKEN: Final = _Said(
    Words("cannot be read: AWS has a fault of its own ({code})", "を読めません: AWS 側の障害です ({code})"),
    Words(
        "try again, and look at the AWS health dashboard", "やり直し、AWS Health Dashboard を確かめてください"
    ),
)
_BAD_NAME: Final = _Said(
    Words("is no name that AWS takes ({code})", "AWS が受け付けない名前です ({code})"),
    Words("give the name or the ARN of the secret", "シークレットの名前か ARN を指定してください"),
)
_NO_REGION: Final = _Said(
    Words("names no region ({code})", "リージョンが決まりません ({code})"),
    Words(
        "set AWS_DEFAULT_REGION, or give the whole ARN",
        "AWS_DEFAULT_REGION を設定するか、ARN 全体を指定してください",
    ),
)
_UNKNOWN: Final = _Said(
    Words("cannot be read from AWS ({code})", "AWS から読めません ({code})"),
    Words(
        "see the errors of GetSecretValue in the AWS documentation",
        "AWS の文書で GetSecretValue のエラーを参照してください",
    ),
)

#: By the code that AWS answers, or by the class of boto3's exception where no answer came.
_BY_CODE: Final = {
    code: said
    for said, codes in {
        _NO_CREDENTIALS: "NoCredentialsError PartialCredentialsError CredentialRetrievalError ProfileNotFound"
        " InvalidConfigError TokenRetrievalError SSOTokenLoadError UnauthorizedSSOTokenError",
        _BAD_CREDENTIALS: "UnrecognizedClientException InvalidClientTokenId InvalidSignatureException"
        " SignatureDoesNotMatch ExpiredTokenException ExpiredToken IncompleteSignature"
        " MissingAuthenticationToken MissingAuthenticationTokenException RequestExpired"
        " RequestTimeTooSkewed NotAuthorized InvalidIdentityToken",
        _DENIED: "AccessDeniedException AccessDenied DecryptionFailure",
        _NOT_FOUND: "ResourceNotFoundException",
        _DELETED: "InvalidRequestException",
        _THROTTLED: "ThrottlingException Throttling ThrottledException TooManyRequestsException"
        " RequestLimitExceeded RequestThrottled RequestThrottledException SlowDown",
        _SLOW: "ReadTimeoutError ConnectTimeoutError RequestTimeout RequestTimeoutException",
        _UNREACHABLE: "EndpointConnectionError ConnectionClosedError ConnectionError ProxyConnectionError"
        " SSLError HTTPClientError ValueError InvalidRegionError UnknownRegionError",
        _BROKEN: "InternalServiceError InternalServiceErrorException InternalServerError InternalFailure"
        " ServiceUnavailable ServiceUnavailableException 500 502 503 504",
        _BAD_NAME: "InvalidParameterException ValidationException ParamValidationError",
        _NO_REGION: "NoRegionError",
    }.items()
    for code in codes.split()
}


def aws_refused(where: str, code: str, *, stage: str, region: str) -> SettingsRefused:
    """The refusal for `code`, whether AWS said it or boto3, while it asked for `stage`."""
    problem, fix = _BY_CODE.get(code, _UNKNOWN)
    known = {"code": quoted(code).strip("'"), "stage": stage, "region": region}
    return refused(where, Words(problem.en.format(**known), problem.ja.format(**known)), fix)


def no_boto3(where: str) -> SettingsRefused:
    """The extra is not installed."""
    return refused(
        where,
        Words("needs boto3, which is not installed", "boto3 が必要ですが、インストールされていません"),
        Words("run: pip install 'sekisho[aws]'", "実行してください: pip install 'sekisho[aws]'"),
    )


def no_id(where: str) -> SettingsRefused:
    """The reference names no secret, or no field behind its `#`."""
    return refused(
        where,
        Words("names no secret, or no field", "シークレットかフィールドの名前がありません"),
        Words(
            "write aws-sm:NAME, aws-sm:ARN or aws-sm:NAME#FIELD",
            "aws-sm:名前、aws-sm:ARN、aws-sm:名前#フィールド のように書いてください",
        ),
    )


def not_an_arn(where: str) -> SettingsRefused:
    """It begins like an ARN and names no secret."""
    return refused(
        where,
        Words("is not the ARN of a secret", "シークレットの ARN ではありません"),
        Words(
            "write arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX, or the name alone",
            "arn:aws:secretsmanager:リージョン:アカウント:secret:名前-接尾辞 か、名前だけを書いてください",
        ),
    )
