-- What few transactions have, and lists ask for: nothing that a sale costs more for.
CREATE INDEX transactions_under_review ON transactions (retailer_id, id DESC) WHERE status = 'Under Review';
CREATE INDEX transactions_undoing ON transactions (kind, id DESC) WHERE kind <> 'sale';
