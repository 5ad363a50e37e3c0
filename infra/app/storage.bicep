// The account of uploads: what is kept in it and for how long, and who is told of new blobs.

@minLength(3)
@maxLength(24)
param name string
param location string
param functionAppName string
param uploadOrigins string[]
param subscribe bool

@description('Days after which a file of master data is moved to the cool tier. It is never deleted.')
param coolAfterDays int = 30

@description('Days for which nobody, whatever their rights, changes or deletes what the audit wrote once the policy is locked.')
param auditRetentionDays int = 3650

@description('Days after which files about persons, and the rows rejected of any file, are deleted.')
param personalDataDays int = 90

var containers = ['uploads', 'upload-results', 'jobs', 'event-dead-letters']
// Each function that a blob starts, and the container whose blobs do so.
var triggers = [
  { function: 'ingest_upload', container: 'uploads' }
  { function: 'run_job', container: 'jobs' }
]
var storageBlobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: name
  location: location
  kind: 'StorageV2'
  sku: { name: 'Standard_ZRS' }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: account
  name: 'default'
  properties: {
    cors: {
      corsRules: empty(uploadOrigins)
        ? []
        : [
            {
              allowedOrigins: uploadOrigins
              allowedMethods: ['PUT', 'OPTIONS']
              allowedHeaders: ['x-ms-*', 'content-type', 'content-length']
              exposedHeaders: ['etag', 'x-ms-*']
              maxAgeInSeconds: 3600
            }
          ]
    }
    deleteRetentionPolicy: { enabled: true, days: 7 }
  }
}

resource containersOfAccount 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = [
  for container in containers: {
    parent: blobs
    name: container
    properties: { publicAccess: 'None' }
  }
]

// Nothing but lines at the end of append blobs is ever written. A policy is made unlocked; lock it once it is right
// (docs/audit.md): then it can only be made longer. Append blobs have no access tiers of their own and stay Hot.
resource audit 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: 'audit'
  properties: { publicAccess: 'None' }
}

resource auditIsOnlyAppendedTo 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2023-05-01' = {
  parent: audit
  name: 'default'
  properties: {
    immutabilityPeriodSinceCreationInDays: auditRetentionDays
    allowProtectedAppendWrites: true
  }
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2023-05-01' = {
  parent: account
  name: 'default'
}

// The host makes it with its first message; alerts want it there before.
resource poison 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = {
  parent: queues
  name: 'webjobs-blobtrigger-poison'
}

// The name of a file begins with its kind.
resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2023-05-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'master-data-cools'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: {
              blobTypes: ['blockBlob']
              prefixMatch: [
                'uploads/products_lens/'
                'uploads/products_frame/'
                'uploads/stores/'
                'uploads/transaction_status/'
              ]
            }
            actions: { baseBlob: { tierToCool: { daysAfterModificationGreaterThan: coolAfterDays } } }
          }
        }
        {
          name: 'personal-data-expires'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: {
              blobTypes: ['blockBlob']
              prefixMatch: ['uploads/users/', 'uploads/receipts/', 'upload-results/']
            }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: personalDataDays } } }
          }
        }
        {
          name: 'spent-signals-expire'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['jobs/', 'event-dead-letters/'] }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: 30 } } }
          }
        }
      ]
    }
  }
}

resource topic 'Microsoft.EventGrid/systemTopics@2022-06-15' = {
  name: '${name}-blobs'
  location: location
  identity: { type: 'SystemAssigned' }
  properties: { source: account.id, topicType: 'Microsoft.Storage.StorageAccounts' }
}

resource topicWritesDeadLetters 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, topic.id, storageBlobDataContributor)
  scope: account
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
    principalId: topic.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

resource functionApp 'Microsoft.Web/sites@2024-04-01' existing = if (subscribe) {
  name: functionAppName
}

resource subscriptions 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2022-06-15' = [
  for trigger in (subscribe ? triggers : []): {
    parent: topic
    name: replace(trigger.function, '_', '-')
    dependsOn: [topicWritesDeadLetters, containersOfAccount]
    properties: {
      eventDeliverySchema: 'EventGridSchema'
      destination: {
        endpointType: 'WebHook'
        properties: {
          endpointUrl: 'https://${functionApp!.properties.defaultHostName}/runtime/webhooks/blobs?functionName=Host.Functions.${trigger.function}&code=${listKeys('${functionApp.id}/host/default', '2024-04-01').systemKeys.blobs_extension}'
        }
      }
      filter: {
        includedEventTypes: ['Microsoft.Storage.BlobCreated']
        subjectBeginsWith: '/blobServices/default/containers/${trigger.container}/blobs/'
        // A block written, or an append, is no new file yet.
        advancedFilters: [
          {
            operatorType: 'StringIn'
            key: 'data.api'
            values: ['CopyBlob', 'PutBlob', 'PutBlockList', 'FlushWithClose']
          }
        ]
      }
      retryPolicy: { maxDeliveryAttempts: 30, eventTimeToLiveInMinutes: 1440 }
      deadLetterWithResourceIdentity: {
        identity: { type: 'SystemAssigned' }
        deadLetterDestination: {
          endpointType: 'StorageBlob'
          properties: { resourceId: account.id, blobContainerName: 'event-dead-letters' }
        }
      }
    }
  }
]

output blobServiceUri string = account.properties.primaryEndpoints.blob
output queueServiceUri string = account.properties.primaryEndpoints.queue
