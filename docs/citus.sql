-- Spreads the tables of a new Taizhang database over the workers of a Citus cluster (PostgreSQL 15, Citus 11.3 or later).
-- Run it once, when `taizhang password admin` has made the tables and founded the installation; docs/scale-out.md says how.
-- A test holds every table to stand here once, with its column in its primary key and in every unique index.

-- What every node asks for all the time, and what changes by the hand of administrators.
select create_reference_table('access_grant');
select create_reference_table('account');
select create_reference_table('api_token');
select create_reference_table('contact_secret');
select create_reference_table('org_book');
select create_reference_table('org_contact');
select create_reference_table('org_holder');
select create_reference_table('org_place');
select create_reference_table('org_post');
select create_reference_table('org_unit');
select create_reference_table('regulation');
select create_reference_table('schema_step');
select create_reference_table('secret');
select create_reference_table('target');
select create_reference_table('witness_fork');
select create_reference_table('witness_log');
select create_reference_table('witness_trust');

-- What belongs to one person, credential or thing.
select create_distributed_table('market_page_token', 'owner');
select create_distributed_table('projects_view', 'actor');
select create_distributed_table('read_log', 'unit');
select create_distributed_table('seen', 'subject');
select create_distributed_table('session', 'hash');

-- What belongs to one book: its shards lie together, so that all that an entry changes is on one worker.
select create_distributed_table('book', 'book');
select create_distributed_table('answered', 'book', colocate_with => 'book');
select create_distributed_table('cell', 'book', colocate_with => 'book');
select create_distributed_table('cell_month', 'book', colocate_with => 'book');
select create_distributed_table('cell_standing', 'book', colocate_with => 'book');
select create_distributed_table('checkpoint', 'book', colocate_with => 'book');
select create_distributed_table('device', 'book', colocate_with => 'book');
select create_distributed_table('cosigning', 'book', colocate_with => 'book');
select create_distributed_table('entry', 'book', colocate_with => 'book');
select create_distributed_table('evidence', 'book', colocate_with => 'book');
select create_distributed_table('line_day', 'book', colocate_with => 'book');
select create_distributed_table('link', 'book', colocate_with => 'book');
select create_distributed_table('market_block', 'book', colocate_with => 'book');
select create_distributed_table('market_breach', 'book', colocate_with => 'book');
select create_distributed_table('market_capture', 'book', colocate_with => 'book');
select create_distributed_table('market_complaint', 'book', colocate_with => 'book');
select create_distributed_table('market_delivery', 'book', colocate_with => 'book');
select create_distributed_table('market_delivery_cursor', 'book', colocate_with => 'book');
select create_distributed_table('market_descent', 'book', colocate_with => 'book');
select create_distributed_table('market_duties', 'book', colocate_with => 'book');
select create_distributed_table('market_element', 'book', colocate_with => 'book');
select create_distributed_table('market_element_attribute', 'book', colocate_with => 'book');
select create_distributed_table('market_element_child', 'book', colocate_with => 'book');
select create_distributed_table('market_event', 'book', colocate_with => 'book');
select create_distributed_table('market_event_fact', 'book', colocate_with => 'book');
select create_distributed_table('market_event_run', 'book', colocate_with => 'book');
select create_distributed_table('market_fee', 'book', colocate_with => 'book');
select create_distributed_table('market_hold', 'book', colocate_with => 'book');
select create_distributed_table('market_inspection', 'book', colocate_with => 'book');
select create_distributed_table('market_lot', 'book', colocate_with => 'book');
select create_distributed_table('market_market', 'book', colocate_with => 'book');
select create_distributed_table('market_merchant', 'book', colocate_with => 'book');
select create_distributed_table('market_price', 'book', colocate_with => 'book');
select create_distributed_table('market_product', 'book', colocate_with => 'book');
select create_distributed_table('market_query', 'book', colocate_with => 'book');
select create_distributed_table('market_recall', 'book', colocate_with => 'book');
select create_distributed_table('market_recall_end', 'book', colocate_with => 'book');
select create_distributed_table('market_scale', 'book', colocate_with => 'book');
select create_distributed_table('market_signature', 'book', colocate_with => 'book');
select create_distributed_table('market_stall', 'book', colocate_with => 'book');
select create_distributed_table('market_subscription', 'book', colocate_with => 'book');
select create_distributed_table('matter', 'book', colocate_with => 'book');
select create_distributed_table('matter_hue', 'book', colocate_with => 'book');
select create_distributed_table('matter_post', 'book', colocate_with => 'book');
select create_distributed_table('matter_wake', 'book', colocate_with => 'book');
select create_distributed_table('outbox', 'book', colocate_with => 'book');
select create_distributed_table('projects_assistance', 'book', colocate_with => 'book');
select create_distributed_table('projects_chain', 'book', colocate_with => 'book');
select create_distributed_table('projects_contract', 'book', colocate_with => 'book');
select create_distributed_table('projects_instalment', 'book', colocate_with => 'book');
select create_distributed_table('projects_matter', 'book', colocate_with => 'book');
select create_distributed_table('projects_month', 'book', colocate_with => 'book');
select create_distributed_table('projects_payment', 'book', colocate_with => 'book');
select create_distributed_table('projects_permit', 'book', colocate_with => 'book');
select create_distributed_table('projects_phase', 'book', colocate_with => 'book');
select create_distributed_table('projects_plan', 'book', colocate_with => 'book');
select create_distributed_table('projects_plan_baseline', 'book', colocate_with => 'book');
select create_distributed_table('projects_plan_part', 'book', colocate_with => 'book');
select create_distributed_table('projects_programme', 'book', colocate_with => 'book');
select create_distributed_table('projects_project', 'book', colocate_with => 'book');
select create_distributed_table('projects_proxy', 'book', colocate_with => 'book');
select create_distributed_table('projects_report', 'book', colocate_with => 'book');
select create_distributed_table('projects_reversal', 'book', colocate_with => 'book');
select create_distributed_table('projects_visit', 'book', colocate_with => 'book');
select create_distributed_table('run', 'book', colocate_with => 'book');
select create_distributed_table('tile', 'book', colocate_with => 'book');
