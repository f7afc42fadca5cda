"""E-mail addresses: the user name, so two spellings of one address must be one account."""

from __future__ import annotations

import unicodedata

#: RFC 5321 section 4.5.3.1.3: a path has at most 256 octets, two of which are its angle brackets.
MAX_LENGTH = 254


class EmailAddresses:
    """`ports.Addresses` on email-validator; no name server is asked."""

    def normalize(self, email: str) -> str | None:
        """The one spelling under which the account is kept, or none where it is no address.

        Full-width letters, as a Japanese keyboard gives them, become plain ones (NFKC), and all become lower
        case: a mail server may tell `Taro` from `taro` (RFC 5321 section 2.4), but none that people use does,
        and two accounts a capital letter apart are how one person impersonates another. It is lower case and
        not case folding, which would turn the domain `straße` into `strasse`: another owner's.
        """
        from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - an idle server needs none

        # Checked before anything that takes longer with longer text; full-width characters count once.
        if len(email) > MAX_LENGTH:
            return None
        lower = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email.strip()).lower())
        try:
            # `.test` (RFC 6761) reaches nobody by definition, and is where people try things.
            valid = validate_email(lower, check_deliverability=False, strict=True, test_environment=True)
        except (EmailNotValidError, UnicodeError):
            return None
        return valid.normalized if len(valid.normalized) <= MAX_LENGTH else None
