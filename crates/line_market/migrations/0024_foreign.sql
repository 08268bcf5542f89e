create index if not exists market_element_attribute_of on market_element_attribute (book, name, id, held)
