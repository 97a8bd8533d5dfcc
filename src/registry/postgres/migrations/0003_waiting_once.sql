-- Who hands the same leaf over again has it waiting once, and what waits has a limit, also while nobody sequences.

CREATE UNIQUE INDEX waiting_once ON pending (node, ticket);

CREATE FUNCTION check_room() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    most bigint := 100000;
BEGIN
    IF (SELECT count(*) FROM (SELECT FROM pending LIMIT most) AS waiting) = most THEN
        RAISE EXCEPTION 'too much is pending' USING ERRCODE = 'KS001', DETAIL = most;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER has_room BEFORE INSERT ON pending EXECUTE FUNCTION check_room();
