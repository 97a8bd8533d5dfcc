-- Vouchers by their hashes, and the index that each was spent on. Not part of the log: no proof rests on them.

CREATE TABLE vouchers (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    member text NOT NULL,
    idx bigint
);
CREATE INDEX unspent_vouchers ON vouchers (member) WHERE idx IS NULL;
