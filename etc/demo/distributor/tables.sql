-- The tables of "a distributor without any API", as an order package of the eighties left them:
-- six-letter names, blanks to the right, no date type, no decimal point, nothing ever deleted.
-- The same for PostgreSQL and MariaDB. A schema of our own making.
--
--   DELCD        D: deleted, but still there
--   ...DT        a day, as CYYMMDD or CYYDDD (C: 0 for 19.., 1 for 20..; DDD: day of the year); 0: none
--   prices       in 1/1000, for PRPER units
--   quantities   in 1/100; stock and purchases in packs of PKQTY, orders in units
--   amounts      in 1/100

-- The company.
CREATE TABLE CTLPAR (
    CONO  NUMERIC(3)  NOT NULL PRIMARY KEY,
    CONAM CHAR(30)    NOT NULL,
    CURCD CHAR(3)     NOT NULL
);

CREATE TABLE WHSMST (
    WHSID CHAR(2)     NOT NULL PRIMARY KEY,
    WHNAM CHAR(20)    NOT NULL,
    DELCD CHAR(1)     NOT NULL
);

-- Items: the description is split over three fields.
CREATE TABLE ITMMST (
    ITNBR CHAR(15)    NOT NULL PRIMARY KEY,
    ITDS1 CHAR(15)    NOT NULL,
    ITDS2 CHAR(15)    NOT NULL,
    ITDS3 CHAR(30)    NOT NULL,
    UMSTK CHAR(2)     NOT NULL,
    PKQTY NUMERIC(5)  NOT NULL,
    LSTPR NUMERIC(11) NOT NULL,
    PRPER NUMERIC(5)  NOT NULL,
    DELCD CHAR(1)     NOT NULL
);

-- Discounts by customer class, from a quantity on; DSCPC in 1/100 of a percent.
CREATE TABLE PRCDSC (
    PRCLS CHAR(1)     NOT NULL,
    QTBRK NUMERIC(13) NOT NULL,
    DSCPC NUMERIC(5)  NOT NULL,
    PRIMARY KEY (PRCLS, QTBRK)
);

-- Stock on hand, in packs.
CREATE TABLE WHSBAL (
    ITNBR CHAR(15)    NOT NULL,
    WHSID CHAR(2)     NOT NULL,
    QOHND NUMERIC(13) NOT NULL,
    PRIMARY KEY (ITNBR, WHSID)
);

-- Purchase orders: what is still to come, in packs, and when (CYYMMDD). CLSFL: Y or X when closed.
CREATE TABLE PORDTL (
    PONBR CHAR(8)     NOT NULL PRIMARY KEY,
    ITNBR CHAR(15)    NOT NULL,
    WHSID CHAR(2)     NOT NULL,
    QTOPN NUMERIC(13) NOT NULL,
    DUEDT NUMERIC(7)  NOT NULL,
    CLSFL CHAR(1)     NOT NULL
);

-- Customers: the name is split over three fields; telephone numbers stand as somebody typed them.
CREATE TABLE CUSMST (
    CUSNO CHAR(8)     NOT NULL PRIMARY KEY,
    CNAM1 CHAR(15)    NOT NULL,
    CNAM2 CHAR(15)    NOT NULL,
    CNAM3 CHAR(20)    NOT NULL,
    PRCLS CHAR(1)     NOT NULL,
    PHON1 CHAR(30)    NOT NULL,
    DELCD CHAR(1)     NOT NULL
);

CREATE TABLE CUSCON (
    CUSNO CHAR(8)     NOT NULL,
    SEQNO NUMERIC(3)  NOT NULL,
    CNTNM CHAR(30)    NOT NULL,
    PHONE CHAR(30)    NOT NULL,
    DELCD CHAR(1)     NOT NULL,
    PRIMARY KEY (CUSNO, SEQNO)
);

-- Credit: CRFLG Y or X when CRLIM counts, N when there is no limit.
CREATE TABLE CUSCRD (
    CUSNO CHAR(8)     NOT NULL PRIMARY KEY,
    CRFLG CHAR(1)     NOT NULL,
    CRLIM NUMERIC(11) NOT NULL
);

-- Documents of sale. DOCKD O: order, Q: quotation. DOCNO is 0 until the document has a number.
-- ORDDT is CYYDDD. DOCST of an order: E entered, C confirmed, P in work, B part shipped, S shipped,
-- X cancelled. DOCST of a quotation: S sent, X cancelled.
CREATE TABLE ORDHDR (
    DOCID CHAR(9)     NOT NULL PRIMARY KEY,
    DOCKD CHAR(1)     NOT NULL,
    DOCNO NUMERIC(7)  NOT NULL,
    CUSNO CHAR(8)     NOT NULL,
    WHSID CHAR(2)     NOT NULL,
    ORDDT NUMERIC(6)  NOT NULL,
    DOCST CHAR(1)     NOT NULL,
    DELCD CHAR(1)     NOT NULL
);
CREATE INDEX ORDHDR1 ON ORDHDR (CUSNO);

-- PRMDT: promised for (CYYMMDD).
CREATE TABLE ORDDTL (
    DOCID CHAR(9)     NOT NULL,
    LINNO NUMERIC(3)  NOT NULL,
    ITNBR CHAR(15)    NOT NULL,
    QTORD NUMERIC(13) NOT NULL,
    QTSHP NUMERIC(13) NOT NULL,
    PRMDT NUMERIC(7)  NOT NULL,
    PRIMARY KEY (DOCID, LINNO)
);
CREATE INDEX ORDDTL1 ON ORDDTL (ITNBR);

-- Shipments. SHPST: P planned, S staged (packed), F finished (left), X cancelled. CYYMMDD.
CREATE TABLE SHPHDR (
    SHPNO CHAR(8)     NOT NULL PRIMARY KEY,
    DOCID CHAR(9)     NOT NULL,
    SHPST CHAR(1)     NOT NULL,
    PLNDT NUMERIC(7)  NOT NULL,
    SHPDT NUMERIC(7)  NOT NULL,
    CARCD CHAR(3)     NOT NULL,
    TRKRF CHAR(20)    NOT NULL
);
CREATE INDEX SHPHDR1 ON SHPHDR (DOCID);

CREATE TABLE CARMST (
    CARCD CHAR(3)     NOT NULL PRIMARY KEY,
    CARNM CHAR(25)    NOT NULL
);

-- Invoices (DOCTY I) and credit notes (C), both above zero. DUEDT is CYYDDD. PAIDF: Y or X when paid.
CREATE TABLE ARITEM (
    INVNO NUMERIC(8)  NOT NULL PRIMARY KEY,
    CUSNO CHAR(8)     NOT NULL,
    DOCTY CHAR(1)     NOT NULL,
    DUEDT NUMERIC(6)  NOT NULL,
    AMTOP NUMERIC(11) NOT NULL,
    PAIDF CHAR(1)     NOT NULL
);
CREATE INDEX ARITEM1 ON ARITEM (CUSNO);

-- Tasks from the telephone: a table of our own days, made for it. TSKKY is the key by which a task is
-- looked up before it is written again; CUSNO is NULL when nobody knows who called.
CREATE TABLE CALTSK (
    TSKKY VARCHAR(64)  NOT NULL PRIMARY KEY,
    TITLE VARCHAR(100) NOT NULL,
    TSKTX TEXT         NOT NULL,
    DUEDT DATE         NOT NULL,
    DUETM CHAR(5)      NOT NULL,
    CUSNO CHAR(8),
    PHONE VARCHAR(40)  NOT NULL
);
