-- The loyalty points that a customer earned by a promotion in a sale, and lost again with what undid it.
ALTER TABLE redemptions ADD COLUMN points integer NOT NULL DEFAULT 0;

-- Those of sales before now stand in their quotes. A return that took back nothing but points has no row yet.
ALTER TABLE redemptions DISABLE TRIGGER redemptions_are_immutable;
INSERT INTO redemptions (transaction_id, promotion_id, version, store_id, customer_id, redeemed, wanted_minor,
                         granted_minor, points, taken, at)
SELECT id, told.promotion_id, told.version, store_id, customer_id, 0, 0, 0, told.points, '[]', created_at
  FROM transactions,
       jsonb_to_recordset(quote::jsonb -> 'promotions') AS told (promotion_id uuid, version integer, points integer)
 WHERE told.points <> 0
    ON CONFLICT (transaction_id, promotion_id) DO UPDATE
   SET points = excluded.points;
ALTER TABLE redemptions ENABLE TRIGGER redemptions_are_immutable;
