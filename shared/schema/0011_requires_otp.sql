-- Promotions that ask for the customer's code ----------------------------------------------------------------

ALTER TABLE promotion_versions
    ADD COLUMN requires_otp boolean NOT NULL DEFAULT false;

-- Of a code for a customer: the digest by which `customers` knows their phone number.
ALTER TABLE otp_challenges
    ADD COLUMN phone_hash bytea;

-- A sale that the customer answered a code for. The challenge itself is forgotten after a day.
ALTER TABLE transactions
    ADD COLUMN otp_challenge_id  uuid,
    ADD COLUMN otp_verified_at   timestamptz,
    ADD CONSTRAINT transactions_are_verified_by_a_challenge
        CHECK ((otp_challenge_id IS NULL) = (otp_verified_at IS NULL));
