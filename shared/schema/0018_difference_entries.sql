-- The other side that somebody said a slip belongs to.
ALTER TABLE differences
    ADD COLUMN matched_with uuid,
    ADD CONSTRAINT differences_matched_by_somebody CHECK (matched_with IS NULL OR resolution = 'match');

-- What the audit tells of a difference, before and after.
CREATE FUNCTION difference_facts(told differences) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT jsonb_strip_nulls(
         jsonb_build_object(
           'state', told.state,
           'kind', told.kind,
           'store_id', told.store_id,
           'day', told.day,
           'transaction_id', told.transaction_id,
           'receipt_id', told.receipt_id,
           'ours', told.ours,
           'theirs', told.theirs,
           'promotion', told.promotion,
           'candidates', jsonb_path_query_array(told.candidates, '$[*].id'),
           'resolution', told.resolution,
           'matched_with', told.matched_with,
           'reason', told.reason
         )
       )
$$;
